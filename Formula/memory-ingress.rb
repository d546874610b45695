# Written by release/published.py.
class MemoryIngress < Formula
  desc "Stores and finds the memories of AI agents, in a folder or in Amazon S3"
  homepage "https://github.com/OWNER/NAME"
  version "0.1.0"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "https://github.com/OWNER/NAME/releases/download/v#{version}/memory-ingress-aarch64-apple-darwin.tar.gz"
      sha256 "0000000000000000000000000000000000000000000000000000000000000000"
    end
    on_intel do
      url "https://github.com/OWNER/NAME/releases/download/v#{version}/memory-ingress-x86_64-apple-darwin.tar.gz"
      sha256 "0000000000000000000000000000000000000000000000000000000000000000"
    end
  end

  on_linux do
    on_arm do
      url "https://github.com/OWNER/NAME/releases/download/v#{version}/memory-ingress-aarch64-unknown-linux-musl.tar.gz"
      sha256 "0000000000000000000000000000000000000000000000000000000000000000"
    end
    on_intel do
      url "https://github.com/OWNER/NAME/releases/download/v#{version}/memory-ingress-x86_64-unknown-linux-musl.tar.gz"
      sha256 "0000000000000000000000000000000000000000000000000000000000000000"
    end
  end

  def install
    bin.install "memory-ingress"
    generate_completions_from_executable(bin/"memory-ingress", "completions")
    (man1/"memory-ingress.1").write Utils.safe_popen_read(bin/"memory-ingress", "man")
  end

  test do
    assert_equal "memory-ingress #{version}", shell_output("#{bin}/memory-ingress --version").strip
    request = '{"jsonrpc":"2.0","id":1,"method":"initialize"}'
    assert_match '"serverInfo"', pipe_output("#{bin}/memory-ingress mcp --data #{testpath}/memories", request, 0)
  end
end
