Feature: II. The IdP's side of the configurator
  Application, groups, mappings, SAML parameters, SCIM connection and users.

  @G-08
  Scenario: A SAML application is created, turned off, and step 2 confirmed
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And the IdP administrator creates the SAML application "Parallels"
    Then the application is turned off
    When Ada selects Configuration in the IdP Directory is done in step 2
    Then step 2 is green

  @G-08 @unhappy
  Scenario: An application that is turned off lets nobody sign on
    Given the integration is active
    And Grace is a user in the product users group
    When the IdP administrator turns the application off
    And Grace continues with SSO
    Then the IdP refuses on a page of its own

  @G-09
  Scenario: Both groups are entered with the ids that the IdP gave them
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And the IdP administrator creates the groups "Parallels Business Account Admins" and "Parallels Desktop Users"
    And Ada enters both groups with their ids
    Then step 3 is green

  @G-09 @unhappy
  Scenario: One group entered twice is refused
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And the IdP administrator creates the groups "Parallels Business Account Admins" and "Parallels Desktop Users"
    And Ada enters the admins group for both
    Then the portal refuses with 400 "groups-identical"
    And step 3 is grey

  @G-10
  Scenario: The application has four mappings besides saml_subject, and the assertion contains their attributes
    Given the integration is active
    And Grace is a user in the product users group
    Then the application has the attribute mappings of the guide beside saml_subject
    When Grace continues with SSO
    And Grace logs in at the IdP
    Then the assertion has these attributes
      | displayname      | Grace Hopper                   |
      | name             | grace@lumen.example            |
      | groups           | the id of the product users group |
      | objectidentifier | Grace's id                     |

  @G-10 @unhappy
  Scenario: An attribute name in the wrong letter case is refused, and the error names both spellings
    Given the integration is active, with the mapping "name" written "Name"
    And Grace is a user in the product users group
    When Grace continues with SSO
    And Grace logs in at the IdP
    And the Response reaches the portal
    Then the browser ends on a page of the portal that gives a reference number
    And Grace is not logged in to the portal
    And the page says that the portal expected "name" and the IdP sent "Name"
    And the reference's details name "name" and "Name"
    And Ada finds the reference under Sign-in problems and in the audit log

  @G-11
  Scenario: The portal imports the IdP's values from a metadata file
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And the IdP administrator creates the SAML application "Parallels"
    And Ada gives the portal the IdP's metadata file
    Then step 4 is green
    And the portal has the IdP's entity ID, SSO URL and certificate

  @G-11
  Scenario: The portal imports the IdP's values from a metadata URL
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And the IdP administrator creates the SAML application "Parallels"
    And Ada gives the portal the IdP's metadata URL
    Then step 4 is green
    And the portal has the IdP's entity ID, SSO URL and certificate

  @G-11
  Scenario: An administrator enters the IdP's values one by one
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And the IdP administrator creates the SAML application "Parallels"
    And Ada gives the portal the IdP's entity ID, SSO URL and certificate one by one
    Then step 4 is green
    And the portal has the IdP's entity ID, SSO URL and certificate

  @G-11
  Scenario: A certificate without BEGIN and END lines and with extra white space is accepted
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And the IdP administrator creates the SAML application "Parallels"
    And Ada pastes the IdP's certificate without armor and with stray white space
    Then step 4 is green
    And the portal has the IdP's entity ID, SSO URL and certificate

  @G-11 @unhappy
  Scenario: A text that is not a certificate is refused
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And the IdP administrator creates the SAML application "Parallels"
    And Ada pastes "MIIC, or so I thought" as the IdP's certificate
    Then the portal refuses with 400 "certificate-invalid"
    And step 4 is grey

  @G-11
  Scenario: The IdP imports the service provider's values from its metadata
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And the IdP administrator creates the SAML application "Parallels" from the portal's metadata URL
    Then the application has the portal's entity ID and ACS URL

  @G-12
  Scenario: The connection is tested with the SCIM base URL and bearer token
    Given the integration is configured
    When Ada copies the SCIM bearer token
    And the IdP administrator tests the connection to the SCIM base URL
    Then the connection test succeeds

  @G-12 @unhappy
  Scenario: A wrong bearer token fails the connection test
    Given the integration is configured
    When the bearer token is copied with a letter missing
    And the IdP administrator tests the connection to the SCIM base URL
    Then the connection test fails

  @G-12
  Scenario: SCIM support is on by default and can be turned off
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    Then SCIM support is on
    When Ada turns SCIM support off
    Then SCIM support is off
    And step 5 is green

  @G-13
  Scenario: Step 6 can be confirmed with users or later
    Given Ada has a business account with 5 seats
    When Ada clicks Start Configuring
    And Ada selects Configuration in the IdP Directory is done in step 6
    Then step 6 is green

  @G-13
  Scenario: The portal also learns of users who are added to the groups later
    Given the integration is active
    When the IdP administrator adds the user Grace
    And the IdP administrator puts Grace in the product users group
    Then the portal shows Grace as active
    And the portal shows Grace in the group "Parallels Desktop Users"

  @G-13 @unhappy
  Scenario: A user in no group is refused
    Given the integration is active
    And Edsger is a user in no group
    When Edsger signs in by SSO
    Then the browser ends on a page of the portal that gives a reference number
    And Edsger is not logged in to the portal
