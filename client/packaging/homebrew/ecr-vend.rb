class EcrVend < Formula
  desc "Credential helper for Amazon ECR that needs no ECR permissions"
  homepage "https://github.com/ecr-vend/ecr-vend"
  url "https://github.com/ecr-vend/ecr-vend/releases/download/v@VERSION@/ecr-vend.pyz", using: :nounzip
  version "@VERSION@"
  sha256 "@SHA256 ecr-vend.pyz@"
  license "Apache-2.0"

  livecheck do
    url :stable
    strategy :github_latest
  end

  depends_on "python@3.13"

  # The sh front, the manual page and the completions; what runs is in the single file.
  resource "wheel" do
    url "https://github.com/ecr-vend/ecr-vend/releases/download/v@VERSION@/ecr_vend-@VERSION@-py3-none-any.whl",
        using: :nounzip
    sha256 "@SHA256 ecr_vend-@VERSION@-py3-none-any.whl@"
  end

  def install
    python = Formula["python@3.13"].opt_bin/"python3.13"
    program = libexec/"lib/ecr-vend"
    system python, "-m", "zipfile", "-e", "ecr-vend.pyz", program
    system python, "-m", "compileall", "-q", program

    # The front follows links to itself, then looks for `python3` beside and for `../lib/ecr-vend`.
    (libexec/"bin").install_symlink python => "python3"
    resource("wheel").stage do
      system python, "-m", "zipfile", "-e", Dir["*.whl"].first, "."
      (libexec/"bin").install Dir["*.data/scripts/*"]
      share.install Dir["*.data/data/share/*"]
    end
    chmod 0755, libexec/"bin/docker-credential-ecr-vend"
    bin.install_symlink libexec/"bin/docker-credential-ecr-vend"

    {
      "ecr-vend"                     => "",
      "ecr-vend-credential-provider" => " -m ecr_vend.dialects.kubelet",
    }.each do |name, module_option|
      (bin/name).write <<~SH
        #!/bin/sh
        exec "#{python}" -I "#{program}"#{module_option} "$@"
      SH
      chmod 0755, bin/name
    end
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/ecr-vend version")
    assert_match version.to_s, shell_output("#{bin}/ecr-vend-credential-provider --version")
    assert_equal "{}\n", shell_output("#{bin}/docker-credential-ecr-vend list")
    assert_equal "credentials not found in native keychain\n",
                 pipe_output("#{bin}/docker-credential-ecr-vend get", "docker.io", 1)
  end
end
