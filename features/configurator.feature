Feature: II. The seven-step configurator
  Seven steps, grey or green, on the IdP Integration page of the portal.

  @G-06
  Scenario: Start Configuring shows seven grey steps
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    Then the page shows the seven steps of the guide, all grey

  @G-06 @unhappy
  Scenario: Without per-user licensing there is nothing to configure
    Given a per-device Business Edition key with 5 seats
    And Ada has a portal account and is logged in
    When Ada registers the license key for the organization "Lumen Works"
    And Ada clicks Start Configuring
    Then the portal refuses with 409 "idp-integration-not-available"

  @G-06
  Scenario: The entered values survive a restart of the portal
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And Ada adds the domain "lumen.example"
    And the DNS administrator publishes the TXT record for "lumen.example"
    And Ada verifies the domain "lumen.example"
    And Ada selects Configuration in the IdP Directory is done in step 2
    And the portal is stopped and started again
    And Ada comes back to the page
    Then step 1 is green
    And step 2 is green
    And step 3 is grey
    And the domain "lumen.example" is verified

  @G-07
  Scenario: A domain is verified by its TXT record
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And Ada adds the domain "lumen.example"
    Then the domain "lumen.example" is pending
    And the requested TXT record has the portal's form
    When the DNS administrator publishes the TXT record for "lumen.example"
    And Ada verifies the domain "lumen.example"
    Then the domain "lumen.example" is verified
    And step 1 is green

  @G-07 @unhappy
  Scenario: Without a TXT record the domain stays pending
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And Ada adds the domain "lumen.example"
    And Ada verifies the domain "lumen.example"
    Then the domain "lumen.example" is pending
    And step 1 is grey

  @G-07 @unhappy
  Scenario: A failed DNS look-up is shown as failed, not as a missing record
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And Ada adds the domain "lumen.example"
    And the DNS server of "lumen.example" fails
    And Ada verifies the domain "lumen.example"
    Then the domain "lumen.example" is failed
    And step 1 is grey

  @G-07 @unhappy
  Scenario: A domain belongs to one business account only
    Given Ada has a business account with 5 seats
    And Mallory has a business account with 5 seats
    When Ada clicks Start Configuring
    And Ada adds the domain "lumen.example"
    And the DNS administrator publishes the TXT record for "lumen.example"
    And Ada verifies the domain "lumen.example"
    And Mallory clicks Start Configuring
    And Mallory adds the domain "lumen.example"
    Then the portal refuses with 409 "domain-taken"

  @G-07 @unhappy
  Scenario: One unverified domain keeps step 1 grey
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And Ada adds the domain "lumen.example"
    And Ada adds the domain "lumen-works.example"
    And the DNS administrator publishes the TXT record for "lumen.example"
    And Ada verifies the domain "lumen.example"
    Then step 1 is grey
    And step 1 says what is missing

  @G-14
  Scenario: The backup login is by default the current user's
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    Then the backup login is "ada@lumen.example"
    And step 7 is green

  @G-12
  Scenario: The bearer token is pre-set
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    Then the bearer token is shown

  @G-14 @unhappy
  Scenario: A user who never logged in to the business account cannot be the backup login
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And Ada makes Edsger the backup login
    Then the portal refuses with 409 "never-logged-in"

  @G-15
  Scenario: Activate Integration appears when all seven steps are green
    Given the integration is configured
    Then all seven steps are green
    And Activate Integration is available
    When Ada clicks Activate Integration
    Then the integration is active

  @G-15 @unhappy
  Scenario: The integration cannot be activated while a step is grey
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    Then Activate Integration is not available
    When Ada clicks Activate Integration
    Then the portal refuses with 409 "steps-missing"

  @G-15 @unhappy
  Scenario: A deactivated integration lets nobody in by SSO
    Given the integration is active
    And Grace is a user in the product users group
    When Ada clicks Deactivate
    Then the integration is not active
    When Grace continues with SSO
    Then the browser ends on a page of the portal that gives a reference number
