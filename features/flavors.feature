Feature: Provisioning like other providers
  The IdP provisions one directory in the way of each provider, and the portal follows.

  @G-26
  Scenario Outline: The portal follows a directory that provisions like <provider>
    Given the integration is active
    And the IdP provisions like "<provider>"
    And Grace is a user in the product users group
    Then the portal shows Grace as active
    When the IdP administrator changes Grace's family name to "Murray"
    Then the portal shows Grace with the name "Grace Murray"
    When the IdP administrator disables Grace
    Then the portal shows Grace as disabled
    When the IdP administrator enables Grace
    And the IdP administrator takes Grace out of the product users group
    Then the portal does not show Grace in the group "Parallels Desktop Users"
    When the IdP administrator deletes Grace
    Then the portal does not show Grace as active

    Examples:
      | provider      |
      | ping          |
      | entra         |
      | okta          |
      | google        |
      | onelogin      |
      | jumpcloud     |
      | ping-federate |
