Feature: Single logout
  A user who logs out is logged out everywhere. A message without a valid
  signature logs nobody out.

  @G-18
  Scenario: Logging out of the portal ends the session at the IdP
    Given the integration is active
    And single logout is set up by "HTTP_REDIRECT"
    And Grace is a user in the product users group
    And Grace signed in by SSO
    When Grace logs out of the portal
    Then the browser ends on a page that says "You are logged out."
    And Grace is not logged in to the portal
    When Grace continues with SSO
    Then the IdP asks Grace for a login

  @G-18
  Scenario: Signing off at the IdP ends the session in the portal
    Given the integration is active
    And single logout is set up by "HTTP_POST"
    And Grace is a user in the product users group
    And Grace signed in by SSO
    When Grace signs off at the IdP
    Then the browser ends on a page that says "You are signed off."
    And Grace is not logged in to the portal

  @G-18 @unhappy
  Scenario: An unsigned LogoutRequest ends no session
    Given the integration is active
    And Grace is a user in the product users group
    And Grace signed in by SSO
    When an unsigned logout reaches the portal in Grace's browser
    Then the browser ends on a page of the portal that gives a reference number
    And Grace is let in

  @G-18 @unhappy
  Scenario: A LogoutRequest is accepted only once
    Given the integration is active
    And single logout is set up by "HTTP_REDIRECT"
    And Grace is a user in the product users group
    And Grace signed in by SSO
    When Grace signs off at the IdP
    And Grace signs in by SSO
    And the IdP's former logout reaches the portal again in Grace's browser
    Then the browser ends on a page of the portal that gives a reference number
    And Grace is let in

  @G-17
  Scenario: A login that starts at the IdP leads to the requested page
    Given the integration is active
    And the portal accepts logins that start at the IdP
    And Grace is a user in the product users group
    When Grace starts at the IdP for "/dashboard?from=idp"
    And Grace logs in at the IdP
    And the Response reaches the portal
    Then Grace is let in
    And the browser ends at "/dashboard?from=idp"

  @G-17 @unhappy
  Scenario: A login that starts at the IdP is refused if the portal does not accept such logins
    Given the integration is active
    And Grace is a user in the product users group
    When Grace starts at the IdP for "/dashboard"
    And Grace logs in at the IdP
    And the Response reaches the portal
    Then the browser ends on a page of the portal that gives a reference number
    And Grace is not logged in to the portal
