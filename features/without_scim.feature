Feature: Without SCIM
  Step 5 is turned off: the portal learns of users from their logins only.

  @G-28
  Scenario: The first login creates the user from the assertion
    Given the integration is active without SCIM
    And Grace is a user in the product users group
    Then the portal does not know Grace
    When Grace signs in by SSO
    Then Grace is let in
    And the portal shows Grace with the name "Grace Hopper"
    And the portal shows Grace as coming from "sso"

  @G-28
  Scenario: The first activation creates the user and grants the license
    Given the integration is active without SCIM
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app is activated
    And Grace has a license

  @G-28
  Scenario: Groups are taken from each login
    Given the integration is active without SCIM
    And Barbara is a user in the admins group
    And Barbara signed in by SSO
    Then Barbara administers the business account
    When the IdP administrator takes Barbara out of the admins group
    And the IdP administrator puts Barbara in the product users group
    And Barbara signs in by SSO
    Then Barbara is let in
    And Barbara does not administer the business account

  @G-28 @G-23 @unhappy
  Scenario: A user who left the users group loses the license at the next login
    Given the integration is active without SCIM
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then Grace has a license
    When the IdP administrator takes Grace out of the product users group
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app shows "not-in-users-group"
    And Grace has no license

  @G-28 @unhappy
  Scenario: A user without a mapped group is refused and not created
    Given the integration is active without SCIM
    And Edsger is a user in no group
    When Edsger signs in by SSO
    Then the browser ends on a page of the portal that gives a reference number
    And the portal does not know Edsger

  @G-28 @G-12 @unhappy
  Scenario: With SCIM turned off, the SCIM server refuses every bearer token
    Given the integration is active without SCIM
    When somebody calls the SCIM base URL with a bearer token
    Then the SCIM answer is 401
