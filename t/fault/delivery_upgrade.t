# A binary upgrade (nginx.org/en/docs/control.html#upgrade): of two trees on
# one database one delivers, whichever has stored an event, and the other goes
# on when it has gone.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;
use Triggers::Receiver;

plan(skip_all => 'valgrind does not follow the new binary')
    if $ENV{TRIGGERS_VALGRIND};

my $t = Triggers::Nginx->new()->plan(10);
my $r = Triggers::Receiver->new(dir => $t->{dir});

$t->write_config(<<"END");
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  scopes=admin;

    triggers_deliver  @{[ $r->url('/') ]};

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers  main;
        }
    }
}
END

# a master whose parent is still the one that started it ignores USR2

$t->write('nginx.conf', $t->read('nginx.conf') =~ s/daemon +off/daemon on/r);
$t->start();
$t->adopt();
$t->ready();

delivered('before');

my $old = $t->{pid};

$t->signal('USR2');

ok(wait_for(sub { $t->read('nginx.pid.oldbin') =~ /^$old$/m
                  && $t->read('nginx.pid') =~ /^\d+$/m }),
   'a new master runs') or diag($t->read('error.log'));

delivered('two trees');

my $trees = () = $t->sql('SELECT DISTINCT nonce FROM rings
                               UNION SELECT ring_nonce FROM store');
is($trees, 2, 'both have stored events');

kill QUIT => $old;

ok(wait_for(sub { !$t->running() }), 'the old master quits');

$t->adopt();

delivered('after');
ok($t->quit(), 'quits');


# posts events until each listener will have got some

sub delivered {
    my ($what) = @_;
    my %ids;

    for (1 .. 200) {
        my $res = $t->post('/events', '{"payload":{}}');
        $ids{$res->{json}{event_id}} = 0 if $res->{status} eq '200';
    }

    ok(wait_for(sub {
        my %seen = map { $_->{id} => 1 } $r->requests();
        !grep { !$seen{$_} } keys %ids;
    }), "$what: all have come");

    $ids{$_->{id}}++ for grep { exists $ids{$_->{id}} } $r->requests();

    is(scalar(grep { $_ > 1 } values %ids), 0, "$what: none twice");
}
