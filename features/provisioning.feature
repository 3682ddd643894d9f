Feature: Keeping in sync by SCIM
  The portal learns of changes in the directory without a login of the user.

  @G-26
  Scenario: A user created in the directory is known to the portal
    Given the integration is active
    When the IdP administrator adds the user Grace
    And the IdP administrator puts Grace in the product users group
    Then the portal shows Grace as active
    And the portal shows Grace in the group "Parallels Desktop Users"

  @G-26
  Scenario: A changed name is known to the portal
    Given the integration is active
    And Grace is a user in the product users group
    When the IdP administrator changes Grace's family name to "Murray"
    Then the portal shows Grace with the name "Grace Murray"

  @G-26
  Scenario: A user disabled and enabled again
    Given the integration is active
    And Grace is a user in the product users group
    When the IdP administrator disables Grace
    Then the portal shows Grace as disabled
    When the IdP administrator enables Grace
    Then the portal shows Grace as active

  @G-26
  Scenario: A user deleted in the directory
    Given the integration is active
    And Grace is a user in the product users group
    When the IdP administrator deletes Grace
    Then the portal does not show Grace as active

  @G-26
  Scenario: A user who leaves a group leaves it in the portal too
    Given the integration is active
    And Grace is a user in the product users group
    When the IdP administrator takes Grace out of the product users group
    Then the portal does not show Grace in the group "Parallels Desktop Users"

  @G-27
  Scenario Outline: A leaver's seat is free for another user: <how>
    Given the integration is active with 1 seats
    And Grace is a user in the product users group
    And Alan is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app is activated
    When the IdP administrator <does it>
    Then Grace has no license
    When Alan installs the app by the download link and starts it
    And Alan types the corporate e-mail and logs in at the IdP
    Then the app is activated

    Examples:
      | how                    | does it                                   |
      | out of the users group | takes Grace out of the product users group |
      | disabled               | disables Grace                            |
      | deleted                | deletes Grace                             |

  @G-27
  Scenario: An admin who leaves the admins group loses access, also in open sessions
    Given the integration is active
    And Barbara is a user in the admins group
    When Barbara signs in by SSO
    Then Barbara administers the business account
    When the IdP administrator takes Barbara out of the admins group
    Then Barbara does not administer the business account
