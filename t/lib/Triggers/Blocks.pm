package Triggers::Blocks;

# What most block tests have in common, so that a block shows only what it is
# about.  A block without the section gets: the module loaded; a store with
# three keys (alice, bob: the default scopes; admin-key: scope admin); the API
# at "/"; alice's key as the request's headers; no [error] and no [alert] in
# the log.

use strict;
use warnings;

use base 'Exporter';

use JSON::PP ();
use Test::Nginx::Socket;

our @EXPORT = qw( checks pick store_config );

$ENV{TEST_NGINX_TRIGGERS_MODULE} //= do {
    require Triggers::Nginx;
    Triggers::Nginx::module();
};

no_root_location();
no_long_string();
master_on();
workers($ENV{TRIGGERS_WORKERS} || 2);

my $Quiet = "[error]\n[alert]\n";


# the store as Triggers::Blocks declares it, for blocks that add to it

sub store_config {

    # everything takes longer under a checker

    my $time = $ENV{TRIGGERS_VALGRIND}
               ? "    triggers_query_timeout  60s;\n" : '';

    return $time . <<'END';
    triggers_store  main  sqlite:$TEST_NGINX_SERVER_ROOT/logs/events.db
                    zone=8m;

    triggers_key  "alice-key"  user=alice;
    triggers_key  "bob-key"    user=bob;
    triggers_key  "admin-key"  user=root  scopes=admin;
END
}


add_block_preprocessor(sub {
    my ($block) = @_;
    my $main = $block->main_config // '';

    $block->set_value(main_config =>
                      'load_module $TEST_NGINX_TRIGGERS_MODULE;' . "\n$main");

    my %default = (
        http_config => store_config(),
        config => "        location / {\n            triggers main;\n"
                  . "        }\n",
        more_headers => 'Authorization: Bearer alice-key',
        no_error_log => $Quiet,
    );

    $default{no_error_log} = "[alert]\n"
        if defined $block->must_die || defined $block->error_log;

    for my $section (sort keys %default) {
        $block->set_value($section, $default{$section})
            if !defined $block->$section;
    }
});


# A filter of Test::Base for --- response_body_filters: its lines name members
# of a JSON answer ("events.0.source", "events.*.source" for a list of all),
# and "name: value" lines replace the body, values in JSON, "(none)" for what
# is not there.

sub pick {
    my ($section) = @_;
    my @paths = split ' ', $section;
    my $json = JSON::PP->new->utf8->canonical->allow_nonref;

    return sub {
        my ($body) = @_;
        my $root = eval { $json->decode($body) };

        return $body if !defined $root;

        return join '', map {
            my @found = members($root, split /\./, $_);
            my $value = /\*/ ? \@found : $found[0];
            my $text = /\*/ || @found ? $json->encode($value) : '(none)';
            "$_: $text\n";
        } @paths;
    };
}


sub members {
    my ($value, $name, @rest) = @_;

    return $value if !defined $name;

    if (ref $value eq 'ARRAY') {
        return map { members($_, @rest) } @$value if $name eq '*';
        return $name =~ /^\d+$/ && $name < @$value
               ? members($value->[$name], @rest) : ();
    }

    return ref $value eq 'HASH' && exists $value->{$name}
           ? members($value->{$name}, @rest) : ();
}


# The number of checks that Test::Nginx makes for the blocks of the file, for
# its plan, defaults included.

sub checks {
    my $checks = 0;

    for my $block (Test::Base::blocks()) {
        my $logs = patterns($block, 'error_log')
                   + (defined $block->no_error_log
                      ? patterns($block, 'no_error_log')
                      : defined $block->must_die || defined $block->error_log
                        ? 1 : 2)
                   + (defined $block->grep_error_log ? 1 : 0);

        $checks += defined $block->must_die ? 1 + $logs
                   : requests($block, $logs);
    }

    return $checks;
}


sub requests {
    my ($block, $logs) = @_;
    my $pipelined = $block->pipelined_requests;
    my $request = $block->request;
    my $n = $pipelined ? @$pipelined : ref $request ? @$request : 1;

    return $n * $logs if defined $block->ignore_response;

    my $each = 1 + $logs + patterns($block, 'access_log')
               + patterns($block, 'no_access_log');
    my $headers = 0;

    for my $section (qw( response_body response_body_like
                         response_body_unlike ))
    {
        next if !defined $block->$section;
        $each++;
        last;
    }

    $each++ if defined $block->raw_response_headers_like;
    $each++ if defined $block->raw_response_headers_unlike;

    my $names = $block->response_headers // $block->response_headers_like;

    for my $i (defined $names ? 0 .. $n - 1 : ()) {
        my $text = ref $names ? $names->[$i] : $names;
        $headers += () = $text =~ /^\s*\S/mg;
    }

    return $n * $each + $headers;
}


sub patterns {
    my ($block, $section) = @_;
    my $value = $block->$section;

    return !defined $value ? 0 : ref $value eq 'ARRAY' ? @$value
           : ref $value ? 1 : scalar(() = $value =~ /^[^\n]+/mg);
}


1;
