# A reload: what is answered meanwhile, which keys hold afterwards, and that a
# configuration which is refused changes nothing.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;

my $Config = <<'END';
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice;
    triggers_key    "old-key"   user=alice;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }
    }
}
END

my $t = Triggers::Nginx->new(config => $Config)->plan(14);

$t->ready();

is($t->post('/events', '{"payload":{"n":1}}')->{status}, 200, 'before');
is($t->get('/inbox', key => 'old-key')->{status}, 200, 'old key before');

# a body that is half sent when the reload begins

my $slow = $t->http_start("POST /events HTTP/1.1\r\nHost: localhost\r\n"
                          . "Authorization: Bearer old-key\r\n"
                          . "Connection: close\r\nContent-Length: 19\r\n\r\n"
                          . '{"payload"');

my %old = map { $_ => 1 } $t->workers();

(my $new = $Config) =~ s/"old-key" /"new-key" /;

$t->write_config($new);
$t->signal('HUP');

ok(wait_for(sub { $t->get('/inbox', key => 'new-key')->{status} eq '200' }),
   'new key holds');
ok(wait_for(sub { $t->get('/inbox', key => 'old-key')->{status} eq '401' }),
   'old key holds no longer');

is($t->post('/events', '{"payload":{"n":2}}')->{status}, 200,
   'new workers commit while an old one still reads a body');

print $slow ':{"n":3}}';
is(http_end($slow)->{status}, 200, 'slow body answered by the old worker');

ok(wait_for(sub { !grep { $old{$_} } $t->workers() }),
   'old workers are gone');

is(join(',', sort map { $_->{payload}{n} } $t->inbox()), '1,2,3',
   'all three are there');

# a configuration that is refused

(my $bad = $new) =~ s/"new-key" /"bad-key" /;
$bad =~ s/triggers main;/triggers nothing;/;

$t->write_config($bad);
$t->allow(qr/\[emerg\] .*"nothing"/);
%old = map { $_ => 1 } $t->workers();
$t->signal('HUP');

ok(wait_for(sub { $t->read('error.log') =~ /\[emerg\] .*"nothing"/ }),
   'bad configuration is refused');
is($t->get('/inbox', key => 'new-key')->{status}, 200, 'keys still hold');
is($t->get('/inbox', key => 'bad-key')->{status}, 401, 'and no other');
is(scalar(grep { $old{$_} } $t->workers()), scalar(keys %old),
   'workers stay');

# a zone of another size would be a second, empty ring

(my $resized = $new) =~ s/zone=16m/zone=32m/;

$t->write_config($resized);
$t->allow(qr/\[emerg\] .*main/);
$t->signal('HUP');

ok(wait_for(sub { $t->read('error.log') =~ /\[emerg\] .*main/ }),
   'another zone size is refused');
is($t->post('/events', '{"payload":{}}')->{status}, 200, 'and serves on');
