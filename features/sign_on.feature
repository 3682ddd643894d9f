Feature: Testing SSO on login to the portal
  From the download link to the dashboard.

  @G-16
  Scenario: The download link shows Continue with SSO
    Given the integration is active
    When Grace opens the sign-in page by the download link
    Then the page offers Continue with SSO

  @G-16
  Scenario: A known domain leads to the IdP with an AuthnRequest
    Given the integration is active
    And Grace is a user in the product users group
    When Grace continues with SSO
    Then Grace's browser is at the IdP's login page with the portal's AuthnRequest

  @G-16 @unhappy
  Scenario: An unknown domain and a domain without active SSO get the same answer
    Given the integration is configured
    When Grace continues with SSO
    Then the browser ends on a page of the portal that gives a reference number
    When Mallory continues with SSO as "mallory@nobody.example"
    Then the page says the same as before

  @G-17
  Scenario: Without a session the IdP asks for a login and answers with a signed Response
    Given the integration is active
    And Grace is a user in the product users group
    When Grace continues with SSO
    And Grace logs in at the IdP
    Then the IdP answers with a signed Response

  @G-17
  Scenario: With a session the IdP answers without a login
    Given the integration is active
    And Grace is a user in the product users group
    And Grace signed in by SSO
    When Grace continues with SSO
    Then the IdP answers with a signed Response

  @G-17
  Scenario: With ForceAuthn the IdP asks for a login even if there is a session
    Given the integration is active
    And Grace is a user in the product users group
    And Grace signed in by SSO
    When Grace arrives at the IdP with a request that has ForceAuthn
    Then the IdP asks Grace for a login

  @G-17 @unhappy
  Scenario: With IsPassive the IdP answers without a login
    Given the integration is active
    And Grace is a user in the product users group
    When Grace arrives at the IdP with a request that has IsPassive
    Then the IdP answers with the status "NoPassive"

  @G-17 @unhappy
  Scenario: A wrong corporate password is asked for again
    Given the integration is active
    And Grace is a user in the product users group
    When Grace continues with SSO
    And Grace types a wrong password at the IdP
    Then the IdP asks Grace for a login

  @G-18
  Scenario: A member of the admins group administers the business account
    Given the integration is active
    And Barbara is a user in the admins group
    When Barbara signs in by SSO
    Then Barbara is let in
    And Barbara administers the business account

  @G-18
  Scenario: Another member of the organization is logged in and is no administrator
    Given the integration is active
    And Grace is a user in the product users group
    When Grace signs in by SSO
    Then Grace is let in
    And Grace does not administer the business account

  @G-18 @unhappy
  Scenario: A Response is accepted only once
    Given the integration is active
    And Grace is a user in the product users group
    When Grace continues with SSO
    And Grace logs in at the IdP
    And the Response reaches the portal
    Then Grace is let in
    When the same Response reaches the portal from Mallory's browser
    Then the browser ends on a page of the portal that gives a reference number
    And Mallory is not logged in to the portal

  @G-19
  Scenario: If the IdP is down, the backup login can log in with its password
    Given the integration is active
    When the IdP is stopped
    And Ada logs out
    And Ada logs in
    Then Ada is logged in to the portal
    And Ada administers the business account

  @G-19 @unhappy
  Scenario: With SSO active, only the backup login can log in with a password
    Given Barbara has a portal account and is logged in
    And the integration is active
    When Barbara logs out
    And Barbara logs in
    Then the portal refuses with 403 "use-sso"
