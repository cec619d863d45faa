
# A leader was killed between its commit and the datagrams that tell of it, or
# when it had marked a worker as woken and not sent yet.  The clients of the
# other workers were answered 503 after the commit timeout although their
# events were stored, and so were all later ones of those workers.  No other
# test hits that instant.

use strict;
use warnings;

use IO::Select;
use Test::More;
use Time::HiRes qw( time );
use Triggers::Load;
use Triggers::Nginx;
use Triggers::Stream;

my $lib = Triggers::Nginx::library('lost_wake');
my $config = Triggers::Nginx->default_config();
$config =~ s/%%GLOBALS%%/%%GLOBALS%%\nenv LOST_WAKE_CONTROL;/;

my $t = Triggers::Nginx->new(workers => 4, config => $config)->plan(12);

$ENV{LOST_WAKE_CONTROL} = "$t->{dir}/control";

{
    local $ENV{LD_PRELOAD} = $lib;
    $t->ready();
}

for my $round (1, 2) {
    my @socks = map { $t->connect() } 1 .. 32;
    my ($answered, $closed, $other) = (0, 0, 0);

    $t->write('control', 'die');
    $t->allow(qr/exited on signal 9/);

    my $start = time();

    print $_ Triggers::Nginx::text('POST', '/events', body => '{"payload":{}}')
        for @socks;

    for my $sock (@socks) {
        my $status = Triggers::Nginx::http_read($sock)->{status};
        $status eq '200' ? $answered++ : $status eq '' ? $closed++ : $other++;
    }

    my $time = time() - $start;

    ok(!-e $ENV{LOST_WAKE_CONTROL}, 'the drainer died before it told');
    is($other, 0, "others are answered ($answered, $closed were the dead "
                  . "worker's)");
    cmp_ok($time, '<', 8 * $Triggers::Nginx::Scale, 'at once');
}

is(join(',', map { $t->post('/events', '{"payload":{}}')->{status} } 1 .. 16),
   join(',', (200) x 16), 'and so are all that come later');

# Readers of the live feed were told nothing of what it had committed, nor that
# there was something.

for my $round (1, 2) {
    my $stream = Triggers::Stream->open($t, '/api/stream?types=event');

    $stream->start();
    $t->write('control', 'die');

    post('lost');

    ok(!-e $ENV{LOST_WAKE_CONTROL}, 'the drainer died before it told');
    post('mark');

    my @seen = seen($stream);

    ok(scalar(grep { $_->{event} eq 'gap'
                     || ($_->{json}{event_type} // '') eq 'lost' } @seen),
       'who listens is told, or told that he was not')
        or diag(join ' ', map { $_->{data} } @seen);
}

is(inconsistencies($t), '', 'counters agree');


# its connection may be one of the leader

sub post {
    my ($type) = @_;
    return $t->post('/events', qq({"event_type":"$type","payload":{}}));
}


# up to the mark; whose worker has died comes again, as browsers do

sub seen {
    my ($stream) = @_;
    my @seen;

    for (1 .. 3) {
        while (my $message = $stream->next()) {
            push @seen, $message;
            return @seen if ($message->{json}{event_type} // '') eq 'mark';
        }

        $stream = Triggers::Stream->open($t, '/api/stream?types=event',
                                         'Last-Event-ID' => $stream->{last_id});
    }

    return @seen;
}
