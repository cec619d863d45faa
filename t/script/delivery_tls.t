# Deliveries over TLS: HTTP/2, the certificates that are trusted, and those
# that are not.

use strict;
use warnings;

use Test::More;
use Triggers::Nginx;
use Triggers::Receiver;

my $t = Triggers::Nginx->new()->plan(11);
my $dir = $t->{dir};

certificate('ca', '/CN=test CA');
certificate('good', '/CN=localhost', 'DNS:localhost', 'ca');
certificate('name', '/CN=example.com', 'DNS:example.com', 'ca');
certificate('self', '/CN=localhost', 'DNS:localhost');

my %Receivers = map {
    $_ => Triggers::Receiver->new(dir => $dir, key => "$dir/$_.key",
                                  cert => "$dir/$_.crt")
} qw( good name self );

my $Endpoints = join "\n    ", map {
    "triggers_deliver  @{[ $Receivers{$_}->tls_url('/') ]}  $_;"
} sort keys %Receivers;

my $Config = <<"END";
%%GLOBALS%%

events {
    worker_connections  512;
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  scopes=admin;

    $Endpoints

    triggers_delivery_schedule  off;
    triggers_delivery_trusted_certificate  ca.crt;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers  main;
        }
    }
}
END

$t->write_config($Config);
$t->ready();

trusted();
refused('name', 'another name');
refused('self', 'signed by itself');
by_the_system();


sub certificate {
    my ($name, $subject, $names, $by) = @_;
    my @key = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
               '-nodes', '-keyout', "$dir/$name.key");
    my @more = $names ? ('-addext', "subjectAltName=$names") : ();

    push @more, '-CA', "$dir/$by.crt", '-CAkey', "$dir/$by.key" if $by;

    local $ENV{LD_PRELOAD};

    system("openssl req -x509 -days 2 -subj '$subject' -out $dir/$name.crt "
           . "@key @more 2>$dir/openssl.log") == 0
        or BAIL_OUT('openssl: ' . $t->read('openssl.log'));
}


sub event {
    my ($type, $status) = @_;
    my $res = $t->post('/events', qq({"event_type":"$type","payload":{}}));
    my $event;

    wait_for(sub {
        $event = $t->get("/v1/events/$res->{json}{event_id}")->{json};
        $event->{status} eq $status;
    });

    return $event;
}


sub trusted {
    is(event('good', 'delivered')->{status}, 'delivered', 'trusted');

    my ($m) = $Receivers{good}->requests();

    is($m->{version}, '2.0', 'trusted: HTTP/2');
    is($m->{method}, 'POST', 'trusted: method');
    like($m->{body}, qr/"type":"good"/, 'trusted: body');
}


sub refused {
    my ($type, $what) = @_;
    my $event = event($type, 'failed');

    is($event->{status}, 'failed', "$what: failed");
    is($event->{error_message}, 'TLS certificate is not trusted',
       "$what: error");
    is(scalar $Receivers{$type}->requests(), 0, "$what: nothing was sent");
}


# without the directive it is the system that says whom to trust

sub by_the_system {
    $t->write_config($Config
                     =~ s/triggers_delivery_trusted_certificate.*//r);
    $t->reload();

    is(event('good', 'failed')->{error_message},
       'TLS certificate is not trusted', 'by the system: not trusted');
}
