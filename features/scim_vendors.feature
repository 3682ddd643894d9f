Feature: SCIM requests of the providers
  Entra ID, Okta, PingOne, OneLogin, JumpCloud and Google differ in how they
  create, change, disable and remove users. The result must be the same: a user
  who leaves loses the license, the seat becomes free, and open sessions end.

  @G-26 @G-27 @G-28
  Scenario Outline: <provider> keeps the portal in sync
    Given the integration is active with 1 seats, provisioned by <provider>
    And Grace is a user in the product users group
    And Alan is a user in the product users group
    When the provider creates Grace
    Then the portal shows Grace as active
    When the provider puts Grace in the group "Parallels Desktop Users"
    Then the portal shows Grace in the group "Parallels Desktop Users"
    When the provider changes Grace's family name to "Murray"
    Then the portal shows Grace with the name "Grace Murray"
    And the portal shows Grace in the group "Parallels Desktop Users"
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app is activated
    And Grace has a license
    When the provider takes Grace out of the group "Parallels Desktop Users"
    Then the portal does not show Grace in the group "Parallels Desktop Users"
    And Grace has no license
    When the provider puts Grace in the group "Parallels Desktop Users"
    And Grace types the corporate e-mail and logs in at the IdP
    Then Grace has a license
    When the provider disables Grace
    Then the portal shows Grace as disabled
    And Grace has no license
    When the provider enables Grace
    Then the portal shows Grace as active
    When Grace types the corporate e-mail and logs in at the IdP
    Then Grace has a license
    When the provider removes Grace
    Then the portal does not show Grace as active
    And Grace has no license
    When the provider creates Alan
    And the provider puts Alan in the group "Parallels Desktop Users"
    And Alan installs the app by the download link and starts it
    And Alan types the corporate e-mail and logs in at the IdP
    Then the app is activated
    When SCIM support is turned off
    Then the portal refuses the provider's SCIM requests

    Examples:
      | provider   |
      | entra      |
      | entra-2020 |
      | okta       |
      | okta-aiw   |
      | pingone    |
      | onelogin   |
      | jumpcloud  |
      | google     |

  @G-27
  Scenario Outline: An admin whom <provider> takes out of the admins group loses access
    Given the integration is active with 1 seats, provisioned by <provider>
    And Barbara is a user in the admins group
    When the provider creates Barbara
    And the provider puts Barbara in the group "Parallels Business Account Admins"
    And Barbara signs in by SSO
    Then Barbara administers the business account
    When the provider takes Barbara out of the group "Parallels Business Account Admins"
    Then Barbara does not administer the business account

    Examples:
      | provider   |
      | entra      |
      | entra-2020 |
      | okta       |
      | okta-aiw   |
      | pingone    |
      | onelogin   |
      | jumpcloud  |
      | google     |
