# A leader was killed between its commit and the word of it.  Its successor
# finds in the database how far it came, and counted what the batch had done;
# but which states events had come into was added up by the dead one alone, so
# that those counters, and the history, were short for good.

use strict;
use warnings;

use Test::More;
use Triggers::Load;
use Triggers::Nginx;

my $lib = Triggers::Nginx::library('unpublished');
my $config = Triggers::Nginx->default_config();
$config =~ s/%%GLOBALS%%/%%GLOBALS%%\nenv UNPUBLISHED_CONTROL;/;

my $t = Triggers::Nginx->new(workers => 3, config => $config)->plan(11);

$ENV{UNPUBLISHED_CONTROL} = "$t->{dir}/control";

{
    local $ENV{LD_PRELOAD} = $lib;
    $t->ready();
}

$t->allow(qr/exited on signal 9/);

my @ids = map { accepted() } 1 .. 6;

for my $round (1, 2) {
    $t->write('control', 'die');
    $t->post('/events', '{"payload":{}}');

    ok(!-e $ENV{UNPUBLISHED_CONTROL}, 'the leader died with an event');
    agrees('which is counted');

    $t->write('control', 'die');
    $t->post('/v1/events/' . pop(@ids) . '/ack');

    ok(!-e $ENV{UNPUBLISHED_CONTROL}, 'the leader died with an ack');
    agrees('which is counted');
}

$t->post('/v1/events/' . pop(@ids) . '/ack');
agrees('and so is the next one, once');
is(acknowledged(), 3, 'all of them');
is(inconsistencies($t), '', 'counters agree');


# what the counters say that events have come into, and what is in the database

sub agrees {
    my ($name) = @_;
    my (%entered, %stored);

    accepted();

    my $metrics = $t->get('/metrics', Accept => 'text/plain')->{body};

    for (qw( pending acknowledged )) {
        ($entered{$_}) = $metrics
                    =~ /^triggers_events_entered_total\{state="$_"\} (\d+)/m;
    }

    $stored{pending} = $t->sql('SELECT total_events FROM store');
    $stored{acknowledged} = acknowledged();

    is_deeply(\%entered, \%stored, $name);
}


# as soon as this one is answered somebody leads, and knows all before

sub accepted {
    return $t->post('/events', '{"payload":{}}')->{json}{event_id};
}


sub acknowledged {
    return $t->sql('SELECT sum(n) FROM counts WHERE owner = 0 AND status = 0')
           || 0;
}
