Feature: Logging in by a social identity
  Apple, Google and Facebook, played by OpenID providers of Rehearsal.

  @G-02
  Scenario Outline: <provider> creates an account at the first sign-in and opens it at the next one
    When Ada signs in with <provider>
    Then Ada's dashboard is on the screen
    And Ada is logged in to the portal
    When Ada logs out
    Then Ada is not logged in to the portal
    When Ada signs in with <provider>
    Then Ada is logged in to the portal

    Examples:
      | provider |
      | Apple    |
      | Google   |
      | Facebook |

  @G-02 @unhappy
  Scenario: A user who cancels at the provider is not logged in
    When Ada chooses Google and cancels there
    Then the sign-in page says "did not sign you in"
    And Ada is not logged in to the portal

  @G-02 @unhappy
  Scenario: An e-mail address that the provider has not verified creates no account
    When Ada signs in with Facebook, which has not verified the e-mail
    Then the sign-in page says "has not verified your e-mail"
    And Ada is not logged in to the portal

  @G-02 @unhappy
  Scenario: A social sign-in does not take over a password account with the same e-mail address
    Given Ada has a portal account and is logged in
    When Ada logs out
    And Ada signs in with Google
    Then the sign-in page says "log in that way"
    And Ada is not logged in to the portal

  @G-02 @unhappy
  Scenario Outline: An ID token or answer with a wrong <what> is refused
    When the provider answers with another <what>
    And Ada signs in with Apple
    Then the sign-in page says "<said>"
    And Ada is not logged in to the portal

    Examples:
      | what     | said                                 |
      | state    | was not started in this browser      |
      | nonce    | of another sign-in                   |
      | audience | Invalid answer of Apple              |
      | key      | Invalid answer of Apple              |
      | time     | has expired                          |

  @G-02 @unhappy
  Scenario: An answer to a sign-in of another browser is refused
    When Ada follows the provider's answer that Mallory got
    Then the sign-in page says "was not started in this browser"
    And Ada is not logged in to the portal

  @G-02 @G-19 @unhappy
  Scenario: A user of an organization with active SSO is pointed to SSO
    Given the integration is active
    When Grace signs in with Google
    Then the sign-in page says "choose Continue with SSO"
    And Grace is not logged in to the portal
