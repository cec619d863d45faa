# GET /v1/audit: its parameters, who sees what, and what an entry says.

use strict;
use warnings;

use Test::Nginx::Socket;

repeat_each(1);
no_shuffle();
plan(tests => repeat_each() * (3 * blocks()));

no_long_string();
run_tests();

__DATA__
