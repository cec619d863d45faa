# A zone far too small for the load: what does not fit is refused with 503 and
# Retry-After, what was answered is there.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

(my $config = Triggers::Nginx::default_config())
    =~ s/zone=16m/zone=%%ZONE%%/;
$config =~ s/triggers main;/triggers main;
            triggers_event_max_size 64k;/;

# the smallest zone that the configuration test accepts

my ($t, $zone);

for my $size (qw( 128k 256k 512k 1m 2m 4m )) {
    (my $try = $config) =~ s/%%ZONE%%/$size/;
    $t = Triggers::Nginx->new(config => $try, checks => 0);
    my ($status) = $t->test_config();
    $zone = $size, last if $status == 0;
}

BAIL_OUT('no zone is small enough') if !defined $zone;

(my $small = $config) =~ s/%%ZONE%%/$zone/;
$t = Triggers::Nginx->new(config => $small)->plan(6);

$t->ready();

my $load = Triggers::Load->start($t, seconds => 4, connections => 256,
                                 payload => 40000)->finish();

diag("zone $zone: $load->{accepted} accepted, $load->{refused} refused");

cmp_ok($load->{accepted}, '>', 0, 'events accepted');
is($load->{refused}, $load->{retry_after}, 'Retry-After in every refusal');
is($load->{other}, 0, 'no other answers') or diag($load->{messages});
is($load->losses(), '', 'every answered event is there once');
is(inconsistencies($t), '', 'counters agree');
ok($t->healthy(), 'healthy');
