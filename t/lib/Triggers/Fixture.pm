package Triggers::Fixture;

# A database with known events for block tests: the events are posted once,
# when the file begins, and every block starts on a copy of that database.
# Returns the events as they are read back, in the order of the list.
#
#     our @e = fixture('{"payload":{}}', [bob => '{"payload":{}}']);
#
# A sub in the list is called in its turn, with the nginx and the ids of the
# events before it, to do what else the blocks shall find done.

use strict;
use warnings;

use base 'Exporter';

use Test::Nginx::Socket;
use Triggers::Blocks;
use Triggers::Nginx ();

our @EXPORT = qw( fixture );

my %Files;


sub fixture {
    my (@events) = @_;
    my $store = store_config();
    my @answers;

    $store =~ s{\$TEST_NGINX_SERVER_ROOT/logs/events\.db}{%%DB%%};

    my $t = Triggers::Nginx->new(checks => 0, config => <<"END")->ready();
%%GLOBALS%%
events { }
http {
    %%HTTP%%
$store
    server {
        listen 127.0.0.1:%%PORT%%;
        location / {
            triggers main;
        }
    }
}
END

    for my $event (@events) {
        if (ref $event eq 'CODE') {
            $event->($t, @answers);
            next;
        }

        my ($user, $body) = ref $event ? @$event : ('alice', $event);
        my $res = $t->post('/events', $body, key => "$user-key");

        $res->{status} eq '200'
            or Test::More::BAIL_OUT("fixture: $res->{status} $res->{body}");

        push @answers, $res->{json}{event_id};
    }

    @answers = map { $t->get("/v1/events/$_", key => 'admin-key')->{json} }
               @answers;

    $t->quit() or Test::More::BAIL_OUT('fixture: nginx did not quit');

    for my $suffix ('', '-wal') {
        my $file = $t->read("events.db$suffix");
        $Files{$suffix} = $file if $file ne '';
    }

    add_block_preprocessor(sub {
        $_[0]->set_value(post_setup_server_root =>
                         'Triggers::Fixture::copy()');
    });

    return @answers;
}


sub copy {
    for my $suffix (keys %Files) {
        my $path = server_root() . "/logs/events.db$suffix";

        open my $out, '>', $path or die "$path: $!";
        binmode $out;
        print $out $Files{$suffix};
        close $out or die "$path: $!";
    }
}


1;
