# Many connections at once: every answered event is there exactly once, and
# those of one connection in the order in which they were sent.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $t = Triggers::Nginx->new()->plan(9);

$t->ready();

my $load = Triggers::Load->start($t, seconds => 2, connections => 200)
                         ->finish();

cmp_ok($load->{accepted}, '>', 200, 'events accepted');
is($load->{other} + $load->{refused}, 0, 'none refused')
    or diag($load->{messages});
is($load->losses(), '', 'every answered event is there once');
is($t->sql('SELECT count(*) FROM events'), $load->{accepted},
   'and no other');
is(inconsistencies($t), '', 'counters agree');

# twenty connections that post one event after the other

my @socks = map { $t->connect() } 1 .. 20;

for my $n (1 .. 10) {
    for my $i (0 .. $#socks) {
        print {$socks[$i]} Triggers::Nginx::text('POST', '/events',
            sock => $socks[$i], body =>
            qq({"event_type":"order","payload":{"c":$i,"n":$n}}));
    }

    my $bad = grep { http_read($_)->{status} ne '200' } @socks;
    last if $bad && fail("$bad requests of round $n failed");
}

my @events = $t->inbox('event_type=order');

is(scalar @events, 200, 'all there');

my (%last, $wrong);

for my $event (@events) {
    my ($c, $n) = @{$event->{payload}}{qw( c n )};
    $wrong++ if $n <= ($last{$c} // 0);
    $last{$c} = $n;
}

is($wrong, undef, 'in the order of each connection');

# pipelined requests of one connection are answered and stored in order

my $sock = $t->connect();

print $sock join '', map {
    Triggers::Nginx::text('POST', '/events', sock => $sock, body =>
                          qq({"event_type":"pipe","payload":{"n":$_}}))
} 1 .. 50;

is(join(',', map { http_read($sock)->{status} } 1 .. 50),
   join(',', (200) x 50), 'pipelined requests are answered');
is(join(',', map { $_->{payload}{n} } $t->inbox('event_type=pipe')),
   join(',', 1 .. 50), 'and stored in their order');
