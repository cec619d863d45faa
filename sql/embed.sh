#!/bin/sh

# Turns numbered migrations into an array of that name, of
# ngx_triggers_migration_t, a C header on the standard output:
#
#     sh sql/embed.sh ngx_triggers_migrations sql/*.sql > FILE
#
# The number a file's name begins with is its version; versions have to grow.

set -e

LC_ALL=C
export LC_ALL

cr=$(printf '\r')
last=0

name=$1
shift

cat <<END

/* Made by sql/embed.sh: do not edit. */


static const ngx_triggers_migration_t  $name[] = {
END

for file in "$@"; do
    version=$(basename "$file" | sed -n 's/^0*\([1-9][0-9]*\)_.*\.sql$/\1/p')

    if [ -z "$version" ] || [ "$version" -le "$last" ]; then
        echo "$0: $file: no version in the name or not a growing one" >&2
        exit 1
    fi

    last=$version

    printf '\n    { %s,\n' "$version"

    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e "s/$cr/\\\\r/g" \
        -e 's/^/      "/' -e 's/$/\\n"/' "$file"

    printf '    },\n'
done

printf '};\n'
