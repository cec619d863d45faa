# What the files of docs/monitoring and docs/operations.md say of metrics is
# what a server shows: names, labels and their values.

use strict;
use warnings;

use Test::More;
use Triggers::Monitoring;
use Triggers::Nginx;

my $t = Triggers::Nginx->new(config => <<'END');
%%GLOBALS%%

events {
}

http {
    %%HTTP%%

    triggers_store  main  sqlite:%%DB%%  zone=16m;
    triggers_key    "test-key"  user=alice  scopes=admin;

    triggers_deliver  http://127.0.0.1:%%PORT_2%%/  order.created;

    server {
        listen  127.0.0.1:%%PORT%%;

        location / {
            triggers main;
        }

        location = /status {
            triggers_status;
        }
    }
}
END

$t->ready();

my ($text, %metrics);

ok(wait_for(sub {
    $text = $t->get('/status', key => undef)->{body};
    return $text =~ /^triggers_endpoint_breaker_state\{/m;
}, 20), 'an endpoint has a meter');

# name => label => value => 1; what Prometheus adds is of every metric

for ($text =~ /^(triggers_.*)$/mg) {
    my ($name, $labels) = /^(\w+)\{(.*)\} \S+$/ or die "not a sample: $_";

    $metrics{$name}{$1}{$2} = 1 while $labels =~ /(\w+)="([^"]*)"/g;
    $metrics{$name}{$_}{''} = 1 for qw( job instance );
}

for my $alert (alerts()) {
    is(join(', ', wrong($alert->{expr})), '', $alert->{alert});
}

for my $expr (expressions(), variables()) {
    is(join(', ', wrong($expr)), '', "dashboard: $expr");
}

operations();

$t->finish();
done_testing();


# what an expression asks for that there is not

sub wrong {
    my ($expr) = @_;
    my (@wrong, %labels);

    for my $selector (selectors($expr)) {
        my ($name, $matchers) = @$selector;
        my $metric = $metrics{$name};

        if (!$metric) {
            push @wrong, $name;
            next;
        }

        %labels = (%labels, map { $_ => 1 } keys %$metric);

        for my $label (sort keys %$matchers) {
            push @wrong, "$name\{$label}"
                if !matches($metric->{$label}, @{ $matchers->{$label} });
        }
    }

    return @wrong, grep { !$labels{$_} } labels($expr);
}


# a label that is there; of one that is asked for each alternative, too

sub matches {
    my ($values, $operator, $value) = @_;

    return 0 if !$values;
    return 1 if $value =~ /^\$|^\.\*$|^triggers$/;

    my @alternatives = $operator =~ /~/ ? split(/\|/, $value) : $value;

    for my $alternative (@alternatives) {
        my $re = $operator =~ /~/ ? qr/^(?:$alternative)$/
                                  : qr/^\Q$alternative\E$/;

        return 0 if !grep { $_ =~ $re } keys %$values;
    }

    return 1;
}


# what its variables ask for: a label of a metric

sub variables {
    return map { $_->{query}{query} =~ /^label_values\((.*), (\w+)\)$/
                 ? "sum by ($2) ($1)" : $_->{query}{query} }
           grep { $_->{type} eq 'query' }
           @{ dashboard()->{templating}{list} };
}


# the table there has them all, and no others

sub operations {
    my $file = "$Triggers::Nginx::Root/docs/operations.md";

    open my $in, '<', $file or die "$file: $!";
    my @rows = grep { /^\| `triggers_/ } <$in>;

    my %told = map { $_ => 1 }
               map { (split /\|/)[1] =~ /`(triggers_\w+)`/g } @rows;
    my %shown = map { $_ => 1 } $text =~ /^# TYPE (\w+) /mg;

    is(join(' ', grep { !$told{$_} } sort keys %shown), '',
       'operations.md: all metrics');
    is(join(' ', grep { !$shown{$_} } sort keys %told), '',
       'operations.md: no others');
}
