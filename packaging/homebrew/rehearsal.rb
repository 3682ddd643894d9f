# Formula for a Homebrew tap of the project. Filled by scripts/release/fill-templates.sh.
class Rehearsal < Formula
  desc "Test SAML sign-on and SCIM provisioning without an identity provider"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "@REPOSITORY@/releases/download/v@VERSION@/rehearsal-aarch64-apple-darwin.tar.gz"
      sha256 "@SHA256:rehearsal-aarch64-apple-darwin.tar.gz@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/v@VERSION@/rehearsal-x86_64-apple-darwin.tar.gz"
      sha256 "@SHA256:rehearsal-x86_64-apple-darwin.tar.gz@"
    end
  end

  on_linux do
    on_arm do
      url "@REPOSITORY@/releases/download/v@VERSION@/rehearsal-aarch64-unknown-linux-gnu.tar.gz"
      sha256 "@SHA256:rehearsal-aarch64-unknown-linux-gnu.tar.gz@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/v@VERSION@/rehearsal-x86_64-unknown-linux-gnu.tar.gz"
      sha256 "@SHA256:rehearsal-x86_64-unknown-linux-gnu.tar.gz@"
    end
  end

  def install
    bin.install "rehearsal"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/rehearsal.bash" => "rehearsal"
    zsh_completion.install "completions/rehearsal.zsh" => "_rehearsal"
    fish_completion.install "completions/rehearsal.fish"
    doc.install "THIRD-PARTY.txt", "README.md", "CHANGELOG.md"
  end

  test do
    system bin/"rehearsal", "self-test"
  end
end
