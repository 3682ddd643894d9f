@demo
Feature: The whole guide
  From license key to activated desktop, then a year in the life of the
  directory: the guide's chapters I, II and III in one go.

  @G-01 @G-03 @G-04 @G-05 @G-06 @G-07 @G-08 @G-09 @G-10 @G-11 @G-12 @G-13 @G-14 @G-15 @G-16 @G-17 @G-18 @G-19 @G-20 @G-21 @G-22 @G-26 @G-27
  Scenario: From license key to activated desktop
    # I. Registering the license key
    Given a Business Edition key with 5 seats
    When Ada registers a portal account
    And Ada logs in
    And Ada registers the license key for the organization "Lumen Works" with the display name "Macs of Lumen"
    Then Ada's business account is "Lumen Works"
    And the subscription "Macs of Lumen" has 5 seats, 5 of them free
    And the IdP Integration page is open to Ada
    # II. Configuring SSO and Provisioning integration
    When Ada clicks Start Configuring
    Then the page shows the seven steps of the guide, all grey
    # (1) Configure organization's domains
    When Ada adds the domain "lumen.example"
    And the DNS administrator publishes the TXT record for "lumen.example"
    And Ada verifies the domain "lumen.example"
    Then the domain "lumen.example" is verified
    And step 1 is green
    # (2) Register Parallels enterprise app
    When the IdP administrator creates the SAML application "Parallels"
    And Ada selects Configuration in the IdP Directory is done in step 2
    Then step 2 is green
    # (3) Configure user groups mapping
    When the IdP administrator creates the groups "Parallels Business Account Admins" and "Parallels Desktop Users"
    And Ada enters both groups with their ids
    Then step 3 is green
    When the IdP administrator adds the attribute mappings of the guide
    Then the application has the attribute mappings of the guide beside saml_subject
    # (4) Configure SAML integration
    When the IdP administrator gives the application the portal's entity ID and ACS URL
    And the IdP administrator turns the application on
    And Ada gives the portal the IdP's entity ID, SSO URL and certificate one by one
    Then step 4 is green
    # (5) Configure SCIM integration
    When Ada copies the SCIM bearer token
    And the IdP administrator tests the connection to the SCIM base URL
    Then the connection test succeeds
    When the IdP administrator saves the connection "Parallels"
    And Ada selects Configuration in the IdP Directory is done in step 5
    Then step 5 is green
    # (6) Add users to the application groups
    When the IdP administrator adds the user Ada
    And the IdP administrator adds the user Grace
    And the IdP administrator puts Ada in the admins group
    And the IdP administrator puts Grace in the product users group
    And Ada selects Configuration in the IdP Directory is done in step 6
    Then step 6 is green
    # (7) Configure backup login
    When Ada makes Ada the backup login
    Then all seven steps are green
    # Activating and testing SSO
    When Ada clicks Activate Integration
    Then the integration is active
    When the IdP administrator starts provisioning
    Then the portal shows Grace as active
    When Ada logs out
    And Ada opens the sign-in page by the download link
    Then the page offers Continue with SSO
    When Ada continues with SSO
    Then Ada's browser is at the IdP's login page with the portal's AuthnRequest
    When Ada logs in at the IdP
    Then the IdP answers with a signed Response
    When the Response reaches the portal
    Then Ada is let in
    And Ada administers the business account
    # III. Downloading, installing, and activating Parallels Desktop
    When Grace installs the app by the download link and starts it
    Then the app prompts for the corporate e-mail
    When Grace types the corporate e-mail and logs in at the IdP
    Then the portal handed the app the organization's SSO request
    And the IdP's answer reached the portal by way of the app
    And the app is activated
    And Grace has a license
    # Keeping in sync
    When the IdP administrator changes Grace's family name to "Murray"
    Then the portal shows Grace with the name "Grace Murray"
    When the IdP administrator disables Grace
    Then the portal shows Grace as disabled
    And Grace has no license
    When the IdP administrator deletes Grace
    Then the portal does not show Grace as active
    # When single sign-on is out of order
    When Ada logs out
    And the IdP is stopped
    And Ada logs in
    Then Ada is logged in to the portal
    And Ada administers the business account
