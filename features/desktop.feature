Feature: III. Activating the desktop app by SSO
  The app obtained by the download link, the portal and the IdP.

  @G-20
  Scenario: The app prompts for the corporate e-mail
    Given the integration is active
    When Grace installs the app by the download link and starts it
    Then the app prompts for the corporate e-mail

  @G-21
  Scenario: The portal hands the app the organization's SSO request
    Given the integration is active
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the portal handed the app the organization's SSO request

  @G-21 @G-23
  Scenario: The e-mail of an unknown domain is refused in the app
    Given the integration is active
    When Mallory installs the app by the download link and starts it
    And Mallory types the e-mail "mallory@nobody.example" in the app
    Then the app is not activated and shows why

  @G-22
  Scenario: The IdP's answer reaches the portal by way of the app, and a licence is granted
    Given the integration is active with 5 seats
    And Grace is a user in the product users group
    When Grace installs the app by the download link and starts it
    And Grace types the corporate e-mail and logs in at the IdP
    Then the IdP's answer reached the portal by way of the app
    And the app is activated
    And Grace has a licence
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

  @G-23
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
