Feature: III. Activating the desktop app by SSO
  The app from the download link, with the portal and the IdP.

  @G-20
  Scenario: The app prompts for the corporate e-mail
    Given the integration is active
    When Grace installs the app by the download link and starts it
    Then the app prompts for the corporate e-mail

  @G-20 @unhappy
  Scenario: The app refuses a text that is not an e-mail address
    Given the integration is active
    When Grace installs the app by the download link and starts it
    And Grace types the e-mail "grace" in the app
    Then the app shows "invalid-email"

  @G-21
  Scenario: The app gets the organization's SSO request from the portal
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the portal handed the app the organization's SSO request

  @G-21 @G-23 @unhappy
  Scenario: The e-mail of an unknown domain is refused in the app
    Given the integration is active
    When Mallory installs the app by the download link and starts it
    And Mallory types the e-mail "mallory@nobody.example" in the app
    Then the app is not activated and shows why

  @G-22
  Scenario: The app passes the IdP's Response to the portal, and the portal grants a license
    Given the integration is active with 5 seats
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the IdP's answer reached the portal by way of the app
    And the app is activated
    And Grace has a license
    And 4 seats are free

  @G-22
  Scenario: A second activation by the same person takes no second seat
    Given the integration is active with 5 seats
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app is activated
    And 4 seats are free

  @G-22 @unhappy
  Scenario: An invalid Response does not activate the app, and the next valid one does
    Given the integration is active
    And Grace is a user in the product users group
    And the IdP answers one request with "conditions-expired"
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app is not activated and shows why
    When Grace types the corporate e-mail and logs in at the IdP
    Then the app is activated

  @G-23 @unhappy
  Scenario: No seat left
    Given the integration is active with 1 seats
    And Grace is a user in the product users group
    And Alan is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app is activated
    When Alan installs the app by the download link and starts it
    And Alan types the corporate e-mail and logs in at the IdP
    Then the app shows "no-seat-left"

  @G-23
  Scenario: A refused user can activate once a seat is free
    Given the integration is active with 1 seats
    And Grace is a user in the product users group
    And Alan is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app is activated
    When Alan installs the app by the download link and starts it
    And Alan types the corporate e-mail and logs in at the IdP
    Then the app shows "no-seat-left"
    When the IdP administrator takes Grace out of the product users group
    And Alan types the corporate e-mail and logs in at the IdP
    Then the app is activated

  @G-20 @G-22
  Scenario: The transcript contains the dialogs as the screen shows them
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the transcript has the dialogs as text

  @G-23 @unhappy
  Scenario: One Mac more than the subscription allows
    Given the integration is active with 5 seats for 1 Mac each
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app is activated
    When Grace installs the app on another Mac and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app shows "too-many-devices"

  @G-23 @unhappy
  Scenario: The subscription has ended
    Given the integration is active with a subscription of 30 days
    And Grace is a user in the product users group
    When 31 days pass
    And Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the app shows "subscription-expired"

  @G-24
  Scenario: The manual path to Continue with SSO
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace opens Account & License… in the menu
    Then the app's dialog is "Sign-In to Parallels Account"
    When Grace clicks Business Edition
    Then the app's dialog is "Enter Business Key"
    When Grace clicks Continue with SSO
    Then the app prompts for the corporate e-mail
    When Grace types the corporate e-mail and logs in at the IdP
    Then the app is activated

  @G-24 @unhappy
  Scenario: The app's sign-in dialog refuses corporate credentials and points to SSO
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace opens Account & License… in the menu
    And Grace types the corporate e-mail and password in the app's sign-in dialog
    Then the app shows "use-sso"
    And the app's dialog says "Continue with SSO"

  @G-24 @unhappy
  Scenario: The app's sign-in dialog does not reveal which accounts exist
    Given the integration is active
    When Mallory installs the app by the download link and starts it
    And Mallory opens Account & License… in the menu
    And Mallory types "mallory@nobody.example" and a password in the app's sign-in dialog
    Then the app shows "wrong-credentials"

  @G-24 @unhappy
  Scenario: The portal's sign-in page refuses corporate credentials and points to SSO
    Given the integration is active
    And Grace is a user in the product users group
    When Grace types corporate e-mail and password on the portal's sign-in page
    Then the page points the user to Continue with SSO
    And Grace is not logged in to the portal

  @G-25
  Scenario: The activation survives a restart of the app
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    And the app is quit and started again
    Then the app runs without asking the portal
    And the app's dialog says "Activated for grace@lumen.example"

  @G-25
  Scenario: The app re-validates its license at intervals
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    And 2 days pass
    And the app looks at its license
    Then the app runs after revalidating its license
    When the app looks at its license
    Then the app runs without asking the portal

  @G-25 @unhappy
  Scenario: An off-line app works until its license ends, and no longer
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    And the portal is stopped
    And 13 days pass
    And the app is quit and started again
    Then the app runs off-line
    When 2 days pass
    And the app looks at its license
    Then the app is stopped and says "the portal cannot be reached"

  @G-25 @G-27 @unhappy
  Scenario: An app whose license was revoked runs until its grace period ends
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    And the IdP administrator takes Grace out of the product users group
    And 2 days pass
    And the app looks at its license
    Then the app runs for its grace period
    And the app's dialog says "no longer in the product users group"
    When 13 days pass
    And the app looks at its license
    Then the app is stopped and says "no longer in the product users group"

  @G-25 @unhappy
  Scenario: The app does not accept a license that was copied from another Mac
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    And the app's disk is copied to Mallory's Mac and the app is started there
    Then the app is stopped and says "for this device"

  @G-25 @unhappy
  Scenario: The app does not accept a license that was edited to last longer
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    And the license on the app's disk is edited to last longer and the app is started
    Then the app is stopped and says "signed by the portal"
