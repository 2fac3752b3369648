#!/usr/bin/env bash
# Installs what the tests need and is not there, from Debian's packages: PostgreSQL's server programs, Chromium, the languages in which
# shops write their clients, and a reader of QR codes that is not ours.
set -euo pipefail

want=()
if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && [ -z "${SARRAF_PG_BIN:-}" ]; then
  want+=(postgresql)
fi
if [ -z "${SARRAF_CHROMIUM:-}" ] && ! command -v chromium >/dev/null; then
  want+=(chromium fonts-noto-core)
fi
command -v php >/dev/null && php -m | grep -qx curl || want+=(php-cli php-curl)
command -v node >/dev/null || want+=(nodejs)
command -v python3 >/dev/null || want+=(python3)
command -v zbarimg >/dev/null || want+=(zbar-tools)
[ ${#want[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "The tests need ${want[*]}, and this system has no apt-get: install them, or set SARRAF_PG_BIN to the folder of" \
    "PostgreSQL's programs and SARRAF_CHROMIUM to the browser." >&2
  exit 1
fi
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
echo "Installing ${want[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { "${sudo[@]}" apt-get update && "${sudo[@]}" apt-get install -y --no-install-recommends "${want[@]}"; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "Installing ${want[*]} failed." >&2
  exit 1
fi
