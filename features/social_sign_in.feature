Feature: Logging in by a social identity
  Apple, Google and Facebook, simulated by OpenID providers of the rehearsal.

  @G-02
  Scenario Outline: A new account by <provider>, and the same account the next time
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
  Scenario: Whoever cancels at the provider is not logged in
    When Ada chooses Google and cancels there
    Then the sign-in page says "did not sign you in"
    And Ada is not logged in to the portal

  @G-02 @unhappy
  Scenario: An e-mail that the provider has not verified makes no account
    When Ada signs in with Facebook, which has not verified the e-mail
    Then the sign-in page says "has not verified your e-mail"
    And Ada is not logged in to the portal

  @G-02 @unhappy
  Scenario: An e-mail with a password account is not taken over
    Given Ada has a portal account and is logged in
    When Ada logs out
    And Ada signs in with Google
    Then the sign-in page says "sign in as you did before"
    And Ada is not logged in to the portal

  @G-02 @unhappy
  Scenario Outline: An answer with another <what> proves nothing
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
  Scenario: An answer that another browser asked for logs nobody in
    When Ada follows the provider's answer that Mallory got
    Then the sign-in page says "was not started in this browser"
    And Ada is not logged in to the portal

  @G-02 @G-19 @unhappy
  Scenario: Somebody of an organization with active SSO is turned towards it
    Given the integration is active
    When Grace signs in with Google
    Then the sign-in page says "choose Continue with SSO"
    And Grace is not logged in to the portal
