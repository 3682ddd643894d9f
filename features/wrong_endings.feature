@wrong-ending @unhappy
Feature: Mistakes that the guide warns of
  Each mistake leads to an error that says what to do.

  @G-09
  Scenario: The admins group's name in another letter case
    Given the integration is active, with the admins group entered as "parallels business account admins"
    And Barbara is a user in the admins group
    When Barbara signs in by SSO
    Then Barbara does not administer the business account
    And the portal notes at Barbara that "Parallels Business Account Admins" and "parallels business account admins" differ
    When Ada comes back to the page
    Then step 3 is amber and names "Parallels Business Account Admins"

  @G-09
  Scenario: An administrator who mistypes the admins group is asked to confirm
    Given the integration is active
    And Barbara is a user in the admins group
    When Barbara signs in by SSO
    And Barbara enters the admins group as "Business Account Administrators"
    Then the admin is asked to confirm
    And Barbara administers the business account

  @G-18
  Scenario: A tampered Response
    Given the integration is active
    And Grace is a user in the product users group
    When Grace continues with SSO
    And Grace logs in at the IdP
    And the Response reaches the portal with "grace@lumen.example" changed to "ada@lumen.example"
    Then the browser ends on a page of the portal that gives a reference number
    And Grace is not logged in to the portal
    And the reference's details speak of the signature

  @G-07
  Scenario: An unverified domain
    Given the integration is active
    When Ada adds the domain "unverified.example"
    And Mallory continues with SSO as "mallory@unverified.example"
    Then the browser ends on a page of the portal that gives a reference number
    And the browser never reached the IdP

  @G-23 @G-26
  Scenario: An unlicensed user
    Given the integration is active
    And Edsger is a user in no group
    When Edsger installs the app by the download link and starts it
    And Edsger types the corporate e-mail and logs in at the IdP
    Then the app shows "not-in-users-group"

  @G-17
  Scenario: An IdP that is overloaded for a moment
    Given the integration is active
    And Grace is a user in the product users group
    And the IdP answers one request with "too-many-requests"
    When Grace continues with SSO
    Then Grace's browser is told to try again later
    When Grace signs in by SSO
    Then Grace is let in
