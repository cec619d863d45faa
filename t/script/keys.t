# Keys on every worker: a change is in force everywhere when it is answered,
# and stays so over a reload, a restart, and workers that are killed.

use strict;
use warnings;

use JSON::PP;
use POSIX qw( WNOHANG );
use Test::More;
use Time::HiRes qw( sleep time );
use Triggers::Nginx;

my $Workers = 3;
my $json = JSON::PP->new->canonical;
my $t = Triggers::Nginx->new(workers => $Workers)->plan(25);

$t->ready();


sub ask {
    my ($method, $uri, $body, %args) = @_;
    return $t->request($method, $uri, %args,
                       defined $body ? (body => $json->encode($body)) : ());
}

sub make { ask('POST', '/v1/keys', { name => 'n', @_ })->{json} }

# Connections enough that every worker has some, whoever it is.

sub connections {
    my @socks = grep { defined } map { $t->connect() } 1 .. 24;
    return \@socks;
}

# how the key fares on each connection: the different answers

sub answers {
    my ($socks, $key) = @_;
    my %seen;

    for my $sock (@$socks) {
        $seen{$t->get('/v1/inbox', key => $key, sock => $sock)->{status}}++;
    }

    return join ',', sort keys %seen;
}


my $socks = connections();
my $key = make();
my $uri = "/v1/keys/$key->{key_id}";

is(answers($socks, $key->{key}), '200', 'a new key holds on all workers');

my $wrong = '';

for (1 .. 20) {
    ask('PATCH', $uri, { is_active => JSON::PP::false() });
    my $off = answers($socks, $key->{key});
    ask('PATCH', $uri, { is_active => JSON::PP::true() });
    my $on = answers($socks, $key->{key});
    $wrong .= "$off $on;" if "$off $on" ne '401 200';
}

is($wrong, '', 'switched off and on again on all workers, 20 times');

$wrong = '';

for (1 .. 20) {
    my $key = make();
    $wrong .= 'made ' if answers($socks, $key->{key}) ne '200';
    my $new = ask('POST', "/v1/keys/$key->{key_id}/rotate")->{json};
    $wrong .= 'old ' if answers($socks, $key->{key}) ne '401';
    $wrong .= 'new ' if answers($socks, $new->{key}) ne '200';
    ask('DELETE', "/v1/keys/$new->{key_id}");
    $wrong .= 'revoked ' if answers($socks, $new->{key}) ne '401';
}

is($wrong, '', 'made, rotated and revoked on all workers, 20 times');

# reload

my $revoked = make();
ask('DELETE', "/v1/keys/$revoked->{key_id}");
my $ending = make(scopes => ['events:read']);

ok($t->reload(), 'reload');
$socks = connections();
is(answers($socks, $key->{key}), '200', 'a key after the reload');
is(answers($socks, $revoked->{key}), '401', 'a revoked one');
is(answers($socks, 'test-key'), '200', 'one of the configuration');

# when a key was last used is written by a leader that goes

$t->get('/inbox', key => $ending->{key});
ok($t->quit(), 'quit');
ok($t->sql("SELECT last_used_at FROM keys WHERE lower(hex(key_id)) = '"
           . ($ending->{key_id} =~ s/-//gr) . "'"), 'last use is kept');

# restart; nobody waits for health first

$t->start();
is($t->get('/inbox', key => $key->{key})->{status}, 200,
   'the first request after a start waits for the keys');
$socks = connections();
is(answers($socks, $key->{key}), '200', 'a key after the restart');
is(answers($socks, $revoked->{key}), '401', 'a revoked one');
like(ask('GET', "/v1/keys/$ending->{key_id}")->{json}{last_used_at},
     qr/^\d{4}-/, 'last use is told');


# Changes go on while workers are killed: what was answered holds.  Of a
# change without an answer nothing is known.

my (%alive, %dead);

sub change {
    my $res = ask('POST', '/v1/keys', { name => 'n', rate_limit => 0 });
    return if $res->{status} ne '201';

    my $key = $res->{json};
    $alive{$key->{key}} = $key->{key_id};

    my $plain = (keys %alive)[0];
    my $id = delete $alive{$plain};

    if ($plain eq $key->{key}) {
        $alive{$plain} = $id;
        return;
    }

    return if rand() < 0.3;

    # between the question and the answer it is neither

    $res = ask('DELETE', "/v1/keys/$id");
    $dead{$plain} = $id if $res->{status} eq '200';
}

sub losses {
    my ($alive, $dead) = (0, 0);

    for my $plain (keys %alive) {
        $alive++ if $t->get('/inbox', key => $plain)->{status} ne '200';
    }

    for my $plain (keys %dead) {
        $dead++ if $t->get('/inbox', key => $plain)->{status} ne '401';
    }

    return "$alive lost, $dead back";
}

for my $who ('any worker', 'the one that writes') {
    my $killed = 0;

    for (1 .. 8) {
        my $until = time() + 0.15;
        my $child = $t->child(sub {
            sleep 0.02 + rand 0.1;
            my @pids = $t->workers();
            my $pid = $who eq 'any worker' ? $pids[rand @pids]
                                           : wait_for(sub { $t->drainer() });
            $pid && kill(KILL => $pid) or die "nobody to kill\n";
        });

        # the one that writes is known while there is something to write

        change() while waitpid($child, WNOHANG) == 0;
        $killed++ if $? == 0;

        change() while time() < $until;
    }

    $t->allow(qr/exited on signal 9/, qr/was locked by/);
    wait_for(sub { $t->healthy() });
    ok($killed >= 4, "$who killed");
    is(losses(), '0 lost, 0 back', "$who: what was answered holds");
}

my $trees = 0;
my @first;

for (1 .. 4) {
    my $until = time() + 0.2;
    my $master = $t->{pid};
    my $child = $t->child(sub {
        sleep 0.05 + rand 0.1;
        kill(KILL => -$master) or die "nobody to kill\n";
    });

    change() while time() < $until;
    waitpid $child, 0;
    $trees++ if $? == 0;
    $t->kill9();
    $t->start();

    # with a body, which lies there while the keys are being loaded

    push @first, $t->post('/events', '{"payload":{}}',
                          key => (keys %alive)[0])->{status};
}

is("@first", '200 200 200 200', 'the first request after each start');

is($trees, 4, 'the whole tree killed');
is(losses(), '0 lost, 0 back', 'the tree: what was answered holds');
note(scalar(keys %alive) . ' alive, ' . scalar(keys %dead) . ' revoked');
ok(keys %alive > 5 && keys %dead > 5, 'there was enough to lose');

# A store that was never opened: its keys are not known, which is no 401.

$t->quit();

(my $config = Triggers::Nginx::default_config())
    =~ s{sqlite:%%DB%%}{sqlite:%%DIR%%/nowhere/events.db};

$t->write_config($config);
$t->start();

my $res = $t->get('/inbox', key => $key->{key});
is("$res->{status} $res->{json}{error}{message}",
   '503 the keys are not loaded yet', 'unknown where no key is known');
is($res->{headers}{'retry-after'}, 1, 'Retry-After');
is($t->get('/inbox')->{json}{error}{message}, 'the store cannot be read',
   'a key of the configuration is let in');
is($t->get('/inbox', key => undef)->{status}, 401, 'no key is none');
