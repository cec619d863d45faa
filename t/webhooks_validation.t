# POST, PATCH and rotation of /v1/webhooks: what is refused, with which code and
# which member, and what is just good enough.

use Test::Nginx::Socket;
use Triggers::Blocks;

plan tests => repeat_each() * checks();

run_tests();

__DATA__

=== TEST 1: no body
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . ''
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)



=== TEST 2: no JSON
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . 'hello'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "the body must be a JSON object"



=== TEST 3: an array
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '[]'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "the body must be a JSON object"



=== TEST 4: a member twice
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","url":"https://hooks.example/in"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)
error.message: "a member of the body is there twice"



=== TEST 5: no url
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url is required"



=== TEST 6: a member that is none
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","method":"PUT"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "method"
error.message: "unknown member"



=== TEST 7: user_id is not for the asker to say
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","user_id":"bob"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "user_id"
error.message: "unknown member"



=== TEST 8: url: a number
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":1}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be a string"



=== TEST 9: url: empty
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":""}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be an http or https URL"



=== TEST 10: url: null
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":null}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be a string"



=== TEST 11: url: another scheme
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"ftp://hooks.example/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be an http or https URL"



=== TEST 12: url: a path
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"/in"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be an http or https URL"



=== TEST 13: url: no host
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"



=== TEST 14: url: a user
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://user@hooks.example/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be a URL without a user name or password"



=== TEST 15: url: a password
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://user:secret@hooks.example/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be a URL without a user name or password"



=== TEST 16: url: a fragment
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/#x"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be a URL without a fragment"



=== TEST 17: url: a space
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/a b"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be of printable ASCII characters"



=== TEST 18: url: a line feed
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/\nb"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be of printable ASCII characters"



=== TEST 19: url: not ASCII
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/\u00e9"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be of printable ASCII characters"



=== TEST 20: url: a bad port
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example:99999/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"



=== TEST 21: url: too long
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/' . ('a' x 2027) . '"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must be of at most 2048 bytes"



=== TEST 22: url: as long as may be
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/' . ('a' x 2026) . '"}'
--- error_code: 201
--- response_body_filters pick
is_active
--- response_body
is_active: true



=== TEST 23: url: loopback
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://127.0.0.1/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must not have an address that is not public"



=== TEST 24: url: a private network
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://10.1.2.3/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must not have an address that is not public"



=== TEST 25: url: link-local, where clouds keep their secrets
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://169.254.169.254/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must not have an address that is not public"



=== TEST 26: url: IPv6 loopback
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://[::1]/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must not have an address that is not public"



=== TEST 27: url: IPv4 mapped to IPv6
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://[::ffff:127.0.0.1]/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must not have an address that is not public"



=== TEST 28: url: unique local
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://[fd00::1]/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must not have an address that is not public"



=== TEST 29: url: loopback as one number
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://2130706433/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must not have an address that is not public"



=== TEST 30: url: loopback in hex
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://0x7f.1/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must not have an address that is not public"



=== TEST 31: url: nobody
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://0.0.0.0/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must not have an address that is not public"



=== TEST 32: url: a private address that is allowed
--- config
        location / {
            triggers                main;
            triggers_webhook_allow  10.0.0.0/8;
        }
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://10.1.2.3:8080/"}'
--- error_code: 201
--- response_body_filters pick
url
--- response_body
url: "http://10.1.2.3:8080/"



=== TEST 33: url: one beside it
--- config
        location / {
            triggers                main;
            triggers_webhook_allow  10.0.0.0/8;
        }
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"http://11.0.0.1/","x":1}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "x"
error.message: "unknown member"



=== TEST 34: event_types: a string
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","event_types":"order.*"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_types"
error.message: "event_types must be an array of at most 50 types"



=== TEST 35: event_types: too many
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","event_types":[' . CORE::join(',', ('"x"') x 51) . ']}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_types"
error.message: "event_types must be an array of at most 50 types"



=== TEST 36: event_types: a number
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","event_types":["x",1]}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_types"
error.message: "event_types must have strings of 1 to 100 characters, with \"*\" only in a final \".*\""



=== TEST 37: event_types: an empty one
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","event_types":["x",""]}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_types"
error.message: "event_types must have strings of 1 to 100 characters, with \"*\" only in a final \".*\""



=== TEST 38: event_types: a star alone
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","event_types":["x","*"]}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_types"
error.message: "event_types must have strings of 1 to 100 characters, with \"*\" only in a final \".*\""



=== TEST 39: event_types: a star in the middle
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","event_types":["x","order.*.paid"]}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_types"
error.message: "event_types must have strings of 1 to 100 characters, with \"*\" only in a final \".*\""



=== TEST 40: event_types: a star without a dot
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","event_types":["x","order*"]}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_types"
error.message: "event_types must have strings of 1 to 100 characters, with \"*\" only in a final \".*\""



=== TEST 41: event_types: one that is too long
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","event_types":["' . ('a' x 101) . '"]}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "event_types"
error.message: "event_types must have strings of 1 to 100 characters, with \"*\" only in a final \".*\""



=== TEST 42: event_types: fifty of a hundred characters
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","event_types":[' . CORE::join(',', ('"' . 'a' x 98 . '.*"') x 50) . ']}'
--- error_code: 201
--- response_body_filters pick
is_active
--- response_body
is_active: true



=== TEST 43: description: a number
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","description":1}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "description"
error.message: "description must be a string"



=== TEST 44: description: too long
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","description":"' . ('a' x 256) . '"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "description"
error.message: "description must be a string of at most 255 characters, or null"



=== TEST 45: description: of the longest, in characters
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","description":"' . ("\xc3\xa9" x 255) . '"}'
--- error_code: 201
--- response_body_filters pick
is_active
--- response_body
is_active: true



=== TEST 46: description: null
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","description":null}'
--- error_code: 201
--- response_body_filters pick
description
--- response_body
description: null



=== TEST 47: is_active: a number
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","is_active":1}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "is_active"
error.message: "is_active must be true or false"



=== TEST 48: is_active: null
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","is_active":null}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "is_active"
error.message: "is_active must be true or false"



=== TEST 49: format: another
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","format":"xml"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "format"
error.message: "format must be \"standard\" or \"cloudevents\""



=== TEST 50: format: no string
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","format":0}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "format"
error.message: "format must be \"standard\" or \"cloudevents\""



=== TEST 51: secret: a number
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","secret":1}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "secret"
error.message: "secret must be a string"



=== TEST 52: secret: no prefix
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","secret":"YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "secret"
error.message: "secret must be \"whsec_\" and the base64 of 24 to 64 bytes"



=== TEST 53: secret: too short
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","secret":"whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "secret"
error.message: "secret must be \"whsec_\" and the base64 of 24 to 64 bytes"



=== TEST 54: secret: too long
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","secret":"whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "secret"
error.message: "secret must be \"whsec_\" and the base64 of 24 to 64 bytes"



=== TEST 55: secret: no base64
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","secret":"whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "secret"
error.message: "secret must be \"whsec_\" and the base64 of 24 to 64 bytes"



=== TEST 56: secret: nothing
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","secret":"whsec_"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "secret"
error.message: "secret must be \"whsec_\" and the base64 of 24 to 64 bytes"



=== TEST 57: secret: of the longest
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks\n" . '{"url":"https://hooks.example/in","secret":"whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ=="}'
--- error_code: 201
--- response_body_filters pick
secret
--- response_body
secret: "whsec_YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ=="



=== TEST 58: a change: a member that is none
--- more_headers
Authorization: Bearer admin-key
--- request eval
"PATCH /v1/webhooks/0193b3a0-0000-7000-8000-000000000001\n" . '{"secret":"x"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "secret"
error.message: "unknown member"



=== TEST 59: a change: url
--- more_headers
Authorization: Bearer admin-key
--- request eval
"PATCH /v1/webhooks/0193b3a0-0000-7000-8000-000000000001\n" . '{"url":"http://127.0.0.1/"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "url must not have an address that is not public"



=== TEST 60: a change: no body
--- more_headers
Authorization: Bearer admin-key
--- request eval
"PATCH /v1/webhooks/0193b3a0-0000-7000-8000-000000000001\n" . ''
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: (none)



=== TEST 61: a rotation: grace_seconds below
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/rotate-secret\n" . '{"grace_seconds":-1}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "grace_seconds"
error.message: "grace_seconds must be an integer from 0 to 604800"



=== TEST 62: a rotation: grace_seconds above
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/rotate-secret\n" . '{"grace_seconds":604801}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "grace_seconds"
error.message: "grace_seconds must be an integer from 0 to 604800"



=== TEST 63: a rotation: grace_seconds that is no integer
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/rotate-secret\n" . '{"grace_seconds":1.5}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "grace_seconds"
error.message: "grace_seconds must be an integer from 0 to 604800"



=== TEST 64: a rotation: a member that is none
--- more_headers
Authorization: Bearer admin-key
--- request eval
"POST /v1/webhooks/0193b3a0-0000-7000-8000-000000000001/rotate-secret\n" . '{"url":"x"}'
--- error_code: 400
--- response_body_filters pick
error.code
error.details.field
error.message
--- response_body
error.code: "VALIDATION_ERROR"
error.details.field: "url"
error.message: "unknown member"
