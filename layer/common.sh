# Sourced by the scripts beside it: the architecture, and the two tables.
# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"

# arch_of NAME: as Lambda names it.
arch_of() {
    case $1 in
        x86_64 | amd64) echo x86_64 ;;
        arm64 | aarch64) echo arm64 ;;
        *) die "$1 is no architecture of Lambda's; set ARCH to x86_64 or arm64" ;;
    esac
}

host=$(arch_of "$(uname -m)")
arch=$(arch_of "${ARCH:-$host}")

# The prefix of the compiler's and its tools' names.
cross=
if [ "$arch" != "$host" ]; then
    [ "$arch" = arm64 ] || die "x86_64 is built on x86_64 only"
    cross=aarch64-linux-gnu-
fi

out=target/layer/$arch
sources=target/layer/sources

# component KIND USE...: the names, for FFmpeg's configure, of the components of a kind (or `all`) with one of these uses.
components() {
    local kind=$1
    shift
    awk -F '\t' -v kind="$kind" -v uses=" $* " \
        'NR > 1 && (kind == "all" || $1 == kind) && index(uses, " " $4 " ") { print $1 "\t" $2 "\t" $3 }' \
        layer/components.tsv
}

# source_field NAME COLUMN: of layer/sources.tsv.
source_field() {
    awk -F '\t' -v name="$1" -v column="$2" '
        NR == 1 { for (i = 1; i <= NF; i++) if ($i == column) at = i }
        NR > 1 && $1 == name { print $at }' layer/sources.tsv
}
