# Sourced by the other scripts: they run from the repository's root and stop at the first error.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# die MESSAGE...: prints one sentence that says what to do on stderr, and exits.
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# at_least VERSION MINIMUM
at_least() {
    [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "neither root nor sudo here; as root, run: $*"
    fi
}

# apt_update: updates apt's lists once, because a fresh image has none.
apt_update() {
    command -v apt-get >/dev/null ||
        die "this is not Debian or Ubuntu; install ${1:-the packages} with the system's package manager, then try again"
    as_root apt-get update -qq
}

# apt_install PACKAGE...
apt_install() {
    printf 'installing %s\n' "$*"
    apt_update "$*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# find_program NAME: searches like the functions: the variable NAME, then /opt/bin, then PATH.
find_program() {
    local variable=${1^^}
    if [ -n "${!variable:-}" ]; then
        printf '%s\n' "${!variable}"
    elif [ -x "/opt/bin/$1" ]; then
        printf '/opt/bin/%s\n' "$1"
    else
        command -v "$1"
    fi
}
