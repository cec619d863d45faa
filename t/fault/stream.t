# Live streams where it hurts: a client that never reads while many events come,
# hundreds of clients on one worker, a reload under them, a worker that is
# killed.  Events come first: they are answered meanwhile, every one.

use strict;
use warnings;

use IO::Select;
use Test::More;
use Time::HiRes qw( sleep time );
use Triggers::Load;
use Triggers::Nginx;
use Triggers::Stream;

use constant CLIENTS => 400;

my $config = <<'END';
%%GLOBALS%%

events {
    worker_connections  4096;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"   user=alice  scopes=admin;

    server {
        listen  127.0.0.1:%%PORT%%  sndbuf=32k;

        location / {
            triggers main;
        }

        location /few/ {
            triggers                 main;
            triggers_stream_clients  500;
        }
    }
}
END

my $t = Triggers::Nginx->new(workers => 1, config => $config)->plan(26);

$t->ready();

# --- clients that never read, beside one who does ---

# what a worker that is at work takes, whoever listens

Triggers::Load->start($t, seconds => 1)->finish();

my $before = memory();
my @deaf = map { stream('/api/stream?types=log,event&level=debug') } 1 .. 50;
my $warned = stream('/api/stream?types=log&level=warn');
ok(wait_for(sub { metric('streams') == 51 }), 'streams are open');

my $load = Triggers::Load->start($t, seconds => 20);

ok(wait_for(sub { metric('streams_dropped_total') == 50 }, 60),
   'clients that do not read are dropped');

my $grown = memory() - $before;

$load->end();
cmp_ok($load->{accepted}, '>', 100, "$load->{accepted} events meanwhile");
is($load->{refused} + $load->{other} + $load->{lost}, 0, 'all answered');
is($load->losses(), '', 'and stored');

SKIP: {
    skip 'checkers keep what is freed', 1 if $Triggers::Nginx::Scale > 1;

    cmp_ok($grown, '<', 16 * 1024, "the worker grew by $grown KB");
}

ok(wait_for(sub { metric('streams') == 1 }), 'nothing is held for them');
$_->close() for @deaf;

$t->get('/v1/nothing');
ok(scalar $warned->until(sub {
       ($_->{json}{message} // '') eq 'no such route' }),
   'the one who does read is served');
$warned->close();

# --- hundreds that do read ---

my $reader = reader(CLIENTS, '/few/api/stream?types=log,event');

ok(wait_for(sub { metric('streams') == CLIENTS }), 'hundreds of streams');

my @more = map { stream('/few/api/stream?types=metrics') } 1 .. 101;
my @answers = map { $_->start() } @more;
is(join(' ', map { $_->{status} } @answers), join(' ', (200) x 100, 503),
   'as many as there may be');
is($answers[-1]{headers}{'retry-after'}, 1, 'who is one too many may come again');
$_->close() for @more;

$load = Triggers::Load->start($t, seconds => 4);
$load->finish();

cmp_ok($load->{accepted}, '>', 100, "$load->{accepted} events beside them");
is($load->{refused} + $load->{other} + $load->{lost}, 0, 'all answered');
is($load->losses(), '', 'and stored');

my $mark = $t->post('/events', '{"event_type":"mark","payload":{}}')
             ->{json}{event_id};
ok(wait_for(sub { $reader->() =~ /^seen @{[ CLIENTS ]}$/m }, 60),
   'all of them come to the last one, or are told of a gap')
    or diag($reader->());

# --- a reload under them, and load ---

$load = Triggers::Load->start($t, seconds => 6);
my $opened = metric('streams_opened_total');
my $start = time();

ok($t->reload(15), 'a reload');
my $took = sprintf '%.1f', time() - $start;
cmp_ok($took, '<', 15, "whose old workers are gone in $took s");
ok(wait_for(sub { come_again($opened) }, 30), 'all come again');
ok(wait_for(sub { $reader->() =~ /^end @{[ CLIENTS ]}$/m }),
   'and were told to');
$load->finish();
is($load->losses(), '', 'nothing lost');

# --- killed ---

$opened = metric('streams_opened_total');
$t->kill9($t->workers());
ok(wait_for(sub { come_again($opened) }, 30),
   'a worker is killed, and all come again');

$t->end_children();
ok(wait_for(sub { metric('streams') == 0 }), 'all leave');

# --- quits with clients that do not read ---

$load = Triggers::Load->start($t, seconds => 4);
@deaf = map { stream('/api/stream?types=log,event&level=debug') } 1 .. 20;
$load->finish();
$start = time();
ok($t->reload(20), 'a reload does not wait for who does not read');
cmp_ok(time() - $start, '<', 20, 'long');
is($t->post('/events', '{"payload":{}}')->{status}, 200, 'events are taken');
is(inconsistencies($t), '', 'the database is whole');


sub stream {
    my ($uri) = @_;
    return Triggers::Stream->open($t, $uri);
}


# every client has opened a stream since; some may have been dropped, too, on a
# busy machine

sub come_again {
    my ($opened) = @_;
    return metric('streams_opened_total') >= $opened + CLIENTS
           && metric('streams') == CLIENTS;
}


sub metric {
    my ($name) = @_;
    my $text = $t->get('/metrics', Accept => 'text/plain')->{body};
    return $text =~ /^triggers_$name (\d+)$/m ? $1 : -1;
}


# of the worker, KB

sub memory {
    my ($pid) = $t->workers();
    open my $in, '<', "/proc/$pid/status" or die "/proc/$pid/status: $!";
    return (map { /^RssAnon:\s+(\d+)/ } <$in>)[0];
}


# A process with that many clients, which come again when their stream ends:
# what it has to tell, "seen N" when N of them have come to an event of the type
# "mark" or to a gap, "end N" when N were told of a reload.

sub reader {
    my ($n, $uri) = @_;

    $t->child(sub {
        my (%buf, %seen, %ended);
        my $select = IO::Select->new();
        my $open = sub {
            my ($i) = @_;
            my $s = eval { stream($uri) } or return;
            $buf{$s->{sock}} = [$i, ''];
            $select->add($s->{sock});
            return 1;
        };

        my @again = 1 .. $n;
        local $SIG{PIPE} = 'IGNORE';

        for ( ;; ) {
            @again = grep { !$open->($_) } @again;

            for my $sock ($select->can_read(0.05)) {
                my $slot = $buf{$sock};
                my $read = sysread $sock, $slot->[1], 1 << 18,
                           length $slot->[1];

                if (!$read) {
                    $select->remove($sock);
                    delete $buf{$sock};
                    push @again, $slot->[0];
                    next;
                }

                if ($slot->[1] =~ /"event_type":"mark"|event: gap/
                    && !$seen{$slot->[0]}++)
                {
                    say_so('seen ' . keys %seen);
                }

                if ($slot->[1] =~ /"reason":"reload"/
                    && !$ended{$slot->[0]}++)
                {
                    say_so('end ' . keys %ended);
                }

                substr $slot->[1], 0, -60, '' if length $slot->[1] > 60;
            }
        }
    });

    return sub { $t->read('reader') };
}


sub say_so {
    my ($text) = @_;
    open my $out, '>>', "$t->{dir}/reader" or die "reader: $!";
    print $out "$text\n";
    close $out;
}
