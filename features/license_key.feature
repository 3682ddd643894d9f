Feature: I. Registering the license key
  The portal account, the license key, and the business account they make.

  @G-01
  Scenario: A user registers a portal account, logs in and logs out
    When Ada registers a portal account
    Then the portal answers 201
    When Ada logs in
    Then Ada is logged in to the portal
    When Ada logs out
    Then Ada is not logged in to the portal

  @G-01 @unhappy
  Scenario: A weak password is refused, and the error says what a good one needs
    When Ada registers a portal account with the password "short"
    Then the portal refuses with 400 "weak-password"

  @G-01 @unhappy
  Scenario: A taken e-mail is refused
    Given Ada has a portal account and is logged in
    When Ada registers a portal account
    Then the portal refuses with 409 "email-taken"

  @G-01 @unhappy
  Scenario: A wrong password is refused
    Given Ada has a portal account and is logged in
    When Ada logs out
    And Ada logs in with the password "Not-the-password-1"
    Then the portal refuses with 401 "wrong-credentials"
    And Ada is not logged in to the portal

  @G-03
  Scenario: A key is registered under a display name
    Given a Business Edition key with 7 seats
    And Ada has a portal account and is logged in
    When Ada registers the license key for the organization "Lumen Works" with the display name "Macs of Lumen"
    Then the portal answers 201
    And the subscription "Macs of Lumen" has 7 seats, 7 of them free

  @G-03 @unhappy
  Scenario: A malformed key is refused
    Given Ada has a portal account and is logged in
    When Ada registers the key "not a key"
    Then the portal refuses with 422 "license-key-malformed"

  @G-03 @unhappy
  Scenario: A used key is refused
    Given Ada has a business account with 5 seats
    When Ada registers the license key
    Then the portal refuses with 409 "license-key-used"

  @G-03 @unhappy
  Scenario: A key that has ended is refused
    Given a Business Edition key that ended yesterday
    And Ada has a portal account and is logged in
    When Ada registers the license key for the organization "Lumen Works"
    Then the portal refuses with 410 "license-key-expired"

  @G-04
  Scenario: A user without a business account is asked for the organization, and the key creates the business account
    Given a Business Edition key with 5 seats
    And Ada has a portal account and is logged in
    When Ada registers the license key
    Then the portal refuses with 409 "organization-required"
    When Ada registers the license key for the organization "Lumen Works"
    Then the portal answers 201
    And Ada's business account is "Lumen Works"

  @G-04
  Scenario: The key of a member is added to the existing business account
    Given Ada has a business account with 5 seats
    And a Business Edition key with 3 seats
    When Ada registers the license key with the display name "Three more"
    Then the portal answers 201
    And Ada's business account is "Lumen Works"
    And the subscription "Three more" has 3 seats, 3 of them free

  @G-04 @unhappy
  Scenario: Without the name of the organization no business account is created
    Given a Business Edition key with 5 seats
    And Ada has a portal account and is logged in
    When Ada registers the license key for the organization " "
    Then the portal refuses with 400 "organization-name-missing"
    And the IdP Integration page is closed to Ada

  @G-05
  Scenario: The IdP Integration page comes with a per-user Business Edition key
    Given Ada has a business account with 5 seats
    Then the IdP Integration page is open to Ada

  @G-05 @unhappy
  Scenario: With a per-device key there is no IdP Integration page
    Given a per-device Business Edition key with 5 seats
    And Ada has a portal account and is logged in
    When Ada registers the license key for the organization "Lumen Works"
    Then the IdP Integration page is closed to Ada

  @G-05 @unhappy
  Scenario: Only admins of the business account can open the IdP Integration page
    Given Ada has a business account with 5 seats
    And Mallory has a portal account and is logged in
    Then the IdP Integration page is closed to Mallory
