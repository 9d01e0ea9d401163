#!/bin/sh
# Secrets by file: where NAME_FILE names a file, NAME becomes what it holds. Then the command.
# SSL_CERT_FILE alone is a name of its own: that of the authorities to trust.
set -eu
for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)_FILE=.*/\1/p'); do
    [ "$name" != SSL_CERT ] || continue
    eval "file=\${${name}_FILE}"
    if [ ! -r "$file" ]; then
        echo "${name}_FILE: $file cannot be read. Mount it, and let this user read it." >&2
        exit 2
    fi
    value=$(cat "$file")
    export "$name=$value"
    unset "${name}_FILE"
done
exec "$@"
