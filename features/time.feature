Feature: Time passes
  Certificates, tokens, sessions and licenses end in time. The clock is set, so no test waits.

  @G-11 @G-18 @unhappy
  Scenario: The IdP's certificate expires
    Given the integration is active
    And Grace is a user in the product users group
    When 364 days pass
    And Grace signs in by SSO
    Then Grace is let in
    When 2 days pass
    And Grace continues with SSO
    Then the browser ends on a page of the portal that gives a reference number
    And the browser never reached the IdP
    When Ada logs in
    Then the reference's details name "certificate" and "expired"

  @G-12 @unhappy
  Scenario: A bearer token expires a day after a new one was created
    Given the integration is active
    When Ada copies the SCIM bearer token
    And 23 hours pass
    Then the former bearer token still opens the SCIM base URL
    When 2 hours pass
    Then the former bearer token no longer opens the SCIM base URL

  @G-17 @unhappy
  Scenario: A session at the IdP expires after eight hours
    Given the integration is active
    And Grace is a user in the product users group
    And Grace signed in by SSO
    When 7 hours pass
    And Grace continues with SSO
    Then the IdP answers with a signed Response
    When 2 hours pass
    And Grace continues with SSO
    Then the IdP asks Grace for a login

  @G-18 @unhappy
  Scenario: An unused session at the portal expires
    Given the integration is active
    And Grace is a user in the product users group
    And Grace signed in by SSO
    When 1 hour passes
    Then Grace is let in
    When 3 hours pass
    Then Grace is not logged in to the portal

  @G-18 @unhappy
  Scenario: A Response that arrives late is refused
    Given the integration is active
    And Grace is a user in the product users group
    When Grace continues with SSO
    And Grace logs in at the IdP
    And 1 hour passes
    And the Response reaches the portal
    Then the browser ends on a page of the portal that gives a reference number
    And Grace is not logged in to the portal

  @G-18 @unhappy
  Scenario: A used Response is refused even after its ID is no longer stored
    Given the integration is active
    And Grace is a user in the product users group
    When Grace continues with SSO
    And Grace logs in at the IdP
    And the Response reaches the portal
    Then Grace is let in
    When 30 days pass
    And the same Response reaches the portal from Mallory's browser
    Then the browser ends on a page of the portal that gives a reference number
    And Mallory is not logged in to the portal

  @G-23 @G-25 @unhappy
  Scenario: The subscription ends while the app is activated
    Given the integration is active with a subscription of 30 days
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app is activated
    When 29 days pass
    And the app looks at its license
    Then the app runs after revalidating its license
    When 2 days pass
    And the app looks at its license
    Then the app is stopped and says "the subscription has ended"
