# Sourced by scripts: `system_packages NAME...` installs Debian packages where that is possible.
# Returns 1, after one plain line, where something stays missing.

system_packages() {
    local missing=() name
    command -v dpkg-query >/dev/null || {
        echo "No Debian packages here; install what matches: $*"
        return 1
    }
    for name in "$@"; do
        dpkg-query --show --showformat '${db:Status-Status}' "$name" 2>/dev/null |
            grep -qx installed || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "Missing, and this user may not install them: ${missing[*]}"
            return 1
        fi
        as_root=(sudo -n)
    fi
    echo "Installing: ${missing[*]}"
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } \
        >/dev/null; then
        echo "Could not be installed: ${missing[*]}"
        return 1
    fi
}
