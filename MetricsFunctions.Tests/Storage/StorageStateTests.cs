using MetricsFunctions.Ingestion.Storage;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;

namespace MetricsFunctions.Tests.Storage;

public sealed class StorageStateTests
{
    readonly FakeTimeProvider _time = new();
    readonly FakeLogger _logger = new();

    [Fact]
    public void An_unforeseen_fault_keeps_its_exception_in_the_log_and_others_are_a_line()
    {
        var state = new StorageState(_logger, _time);
        var unforeseen = new NotSupportedException("nobody thought of it");
        var foreseen = new IOException("broken pipe");

        state.Failed(StorageFault.Of(unforeseen), unforeseen);
        state.Failed(StorageFault.Of(foreseen), foreseen);

        Assert.Equal(
            [
                ("Samples cannot be stored: an unexpected fault. Please report it with the stack trace behind it. (nobody thought of it)", unforeseen),
                ($"Samples cannot be stored: ClickHouse cannot be reached. {StorageFault.Of(foreseen).Advice} (broken pipe)", (Exception?)null),
            ],
            _logger.Collector.GetSnapshot().Select(line => (line.Message, line.Exception)));
    }

    [Fact]
    public void A_fault_is_recent_for_ten_seconds_after_the_last_attempt_that_met_it_or_until_one_succeeds()
    {
        var state = new StorageState(_logger, _time);
        Fail();
        _time.Advance(TimeSpan.FromSeconds(9));
        Fail();
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(StorageFault.Timeout, state.RecentFault);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(state.RecentFault);
        Assert.Equal(StorageFault.Timeout, state.Fault);

        Fail();
        Assert.NotNull(state.RecentFault);
        state.Stored();
        Assert.Null(state.RecentFault);
        Assert.Null(state.Fault);

        void Fail() => state.Failed(StorageFault.Timeout, new TimeoutException());
    }
}
