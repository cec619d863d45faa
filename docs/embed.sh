#!/bin/sh

# Turns the OpenAPI document into a C header on the standard output:
#
#     sh docs/embed.sh docs/openapi.yaml > ngx_http_triggers_openapi.h

set -e

LC_ALL=C
export LC_ALL

cr=$(printf '\r')

cat <<END

/* Made by docs/embed.sh: do not edit. */


static const u_char  ngx_http_triggers_openapi_text[] =
END

sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/?/\\?/g' -e "s/$cr/\\\\r/g" \
    -e 's/^/    "/' -e 's/$/\\n"/' "$1"

printf ';\n'
