#!/bin/sh
# Installs Node's own build below /usr/local unless Node 20 or newer is there: Debian 12 has 18.
# The archive is checked against the sums that nodejs.org publishes beside it (which TLS vouches for).
set -eu
RELEASE=${NODE_RELEASE:-https://nodejs.org/dist/latest-v22.x}

node_major=$(node -p 'parseInt(process.versions.node)' 2>/dev/null || echo 0)
[ "$node_major" -lt 20 ] || exit 0

case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *)
    echo "node.sh: no build of Node is known here for $(uname -m); install Node 20 or newer by hand" >&2
    exit 1
    ;;
esac

{ command -v curl && command -v xz; } >/dev/null || {
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends ca-certificates curl xz-utils
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
curl -fsS --retry 3 -o SHASUMS256.txt "$RELEASE/SHASUMS256.txt"
grep "linux-$arch\\.tar\\.xz\$" SHASUMS256.txt >sum
archive=$(awk '{ print $2; exit }' sum)
curl -fsS --retry 3 -o "$archive" "$RELEASE/$archive"
sha256sum --check --strict sum
tar -xJf "$archive" -C /usr/local --strip-components=1 --no-same-owner \
  --exclude='*/CHANGELOG.md' --exclude='*/README.md' --exclude='*/LICENSE'
node --version
