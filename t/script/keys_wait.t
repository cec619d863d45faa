# Requests with a key of the store that come before its keys have been loaded
# wait for that, and are then requests like all others.

use strict;
use warnings;

use Fcntl qw( F_WRLCK F_UNLCK SEEK_SET );
use Test::More;
use Time::HiRes qw( sleep );
use Triggers::Nginx;

# Linux, 64 bits

use constant F_OFD_SETLK => 37;

my $t = Triggers::Nginx->new(config => <<'END')->plan(13);
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=root  scopes=admin;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }
    }
}
END

$t->ready();

my $key = $t->post('/v1/keys', '{"name":"a","user_id":"alice"}')->{json}{key};
ok($key, 'a key of the store');
$t->quit();

# whoever holds the write lock keeps the drainer from opening the store

open my $lock, '+<', "$t->{db}.lock" or die "$t->{db}.lock: $!";
lock_byte(F_WRLCK);

$t->start();

my $get = keep(Triggers::Nginx::text('GET', '/inbox', key => $key,
                                     sock => 1));
my $post = keep(Triggers::Nginx::text('POST', '/events', key => $key,
                                      sock => 1, body => '{"payload":{}}'));
my $large = keep(Triggers::Nginx::text('POST', '/events', key => $key,
    sock => 1, body => '{"payload":{"x":"' . 'x' x 100000 . '"}}'));
my $wrong = keep(Triggers::Nginx::text('GET', '/inbox', key => 'wrong',
                                       sock => 1));

sleep 0.2;
ok(!IO::Select->new($get, $post, $large, $wrong)->can_read(0),
   'requests wait for the keys');

lock_byte(F_UNLCK);

is(Triggers::Nginx::http_read($get)->{status}, 200, 'and are answered');
is(Triggers::Nginx::http_read($post)->{status}, 200, 'with a body');
is(Triggers::Nginx::http_read($large)->{status}, 200, 'with a large one');
is(Triggers::Nginx::http_read($wrong)->{status}, 401,
   'an unknown key is refused then');

# each has ended, so that its connection goes on

for my $sock ($get, $post, $large, $wrong) {
    is($t->get('/inbox', sock => $sock, key => $key)->{status}, 200,
       'the connection goes on');
    close $sock;
}

# nothing is left of requests whose clients went while they waited

$t->quit();
lock_byte(F_WRLCK);
$t->start();

my @gone = map { keep(Triggers::Nginx::text('GET', '/inbox', key => $key)) }
               1 .. 10;
sleep 0.1;
close $_ for @gone;
sleep 0.1;
lock_byte(F_UNLCK);

$t->ready();
is($t->get('/inbox', key => $key)->{status}, 200, 'the keys are loaded');
is($t->get('/v1/inbox', key => $key)->{json}{total}, 2, 'stored once');

ok($t->quit(), 'the process ends');


sub keep {
    my ($text) = @_;
    return $t->http_start($text);
}


sub lock_byte {
    my ($type) = @_;
    my $flock = pack 's s x4 q q i x4', $type, SEEK_SET, 0, 1, 0;

    fcntl $lock, F_OFD_SETLK, $flock or die "fcntl: $!";
}
