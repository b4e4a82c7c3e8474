using System.Buffers;
using System.Diagnostics.Metrics;
using System.Text;
using ClickHouse.Driver;
using MetricsFunctions.Ingestion;
using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Storage;
using MetricsFunctions.Ingestion.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Moq;

namespace MetricsFunctions.Tests.Storage;

/// <summary>
/// What the writer promises while an INSERT is under way or has failed. A store that stops in the middle of an INSERT, on demand and
/// for as long as a test needs, cannot be had from a real server, so this one is a mock.
/// </summary>
public sealed class SampleWriterTests
{
    readonly Mock<ISampleStore> _store = new();
    readonly List<(byte[] Rows, string Token)> _inserts = [];
    readonly Queue<Func<Task>> _answers = new();
    readonly MemoryBudget _memory = new(1 << 20);

    public SampleWriterTests() => _store
        .Setup(store => store.InsertAsync(It.IsAny<ReadOnlySequence<byte>>(), It.IsAny<string>(), It.IsAny<CancellationToken>()))
        .Returns((ReadOnlySequence<byte> rows, string token, CancellationToken cancellation) =>
        {
            lock (_inserts)
            {
                _inserts.Add((rows.ToArray(), token));
                return _answers.TryDequeue(out var answer) ? answer().WaitAsync(cancellation) : Task.CompletedTask;
            }
        });

    [Fact]
    public async Task A_write_is_done_only_when_its_INSERT_is_acknowledged()
    {
        var acknowledged = new TaskCompletionSource();
        _answers.Enqueue(() => acknowledged.Task);
        await using var writer = Writer();

        var write = writer.WriteAsync(Block("a"));
        await Wait.UntilAsync(() => Task.FromResult(Inserts == 1));
        Assert.False(write.IsCompleted);

        acknowledged.SetResult();
        await write;
    }

    [Fact]
    public async Task What_arrives_during_an_INSERT_goes_into_the_next_one_together()
    {
        var acknowledged = new TaskCompletionSource();
        _answers.Enqueue(() => acknowledged.Task);
        await using var writer = Writer();

        var writes = new List<Task> { writer.WriteAsync(Block("first")) };
        await Wait.UntilAsync(() => Task.FromResult(Inserts == 1));
        writes.AddRange(Enumerable.Range(0, 100).Select(i => writer.WriteAsync(Block($"name {i}"))));
        acknowledged.SetResult();
        await Task.WhenAll(writes);

        Assert.Equal(2, Inserts);
        Assert.Equal(PlainNative.BytesOf(Enumerable.Range(0, 100).Select(i => Block($"name {i}"))), _inserts[1].Rows);
        Assert.NotEqual(_inserts[0].Token, _inserts[1].Token);
    }

    [Fact]
    public async Task A_failed_INSERT_is_tried_again_with_the_same_token_and_the_same_bytes()
    {
        _answers.Enqueue(() => Task.FromException(new HttpRequestException("connection reset")));
        _answers.Enqueue(() => Task.FromException(new IOException("broken pipe")));
        await using var writer = Writer();

        await writer.WriteAsync(Block("a"));

        Assert.Equal(3, Inserts);
        Assert.Single(_inserts.Select(insert => insert.Token).Distinct());
        Assert.All(_inserts, insert => Assert.Equal(PlainNative.BytesOf(Block("a")), insert.Rows));
    }

    [Fact]
    public async Task What_cannot_be_stored_in_time_is_given_up()
    {
        _answers.Enqueue(() => Task.Delay(Timeout.Infinite));
        await using var writer = Writer(new IngestionOptions { WriteTimeout = TimeSpan.FromMilliseconds(200) });
        var fault = await Assert.ThrowsAsync<StorageUnavailableException>(() => writer.WriteAsync(Block("a")));
        Assert.Equal(StorageFault.Timeout, fault.Fault);

        await writer.WriteAsync(Block("b"));
    }

    [Fact]
    public async Task A_request_has_its_memory_until_its_samples_are_stored()
    {
        var acknowledged = new TaskCompletionSource();
        _answers.Enqueue(() => acknowledged.Task);
        await using var writer = Writer();

        var room = _memory.Open();
        room.Take(1000);
        var write = writer.WriteAsync(Block("a"), room);
        await Wait.UntilAsync(() => Task.FromResult(Inserts == 1));
        Assert.Equal(1000, _memory.Small.Taken);

        acknowledged.SetResult();
        await write;
        Assert.Equal(0, _memory.Small.Taken);
    }

    [Fact]
    public async Task A_request_has_its_memory_until_its_samples_are_given_up_and_not_just_its_sender()
    {
        var time = new FakeTimeProvider();
        var ended = new TaskCompletionSource();
        _store.Setup(store => store.InsertAsync(It.IsAny<ReadOnlySequence<byte>>(), It.IsAny<string>(), It.IsAny<CancellationToken>())).Returns(ended.Task);
        await using var writer = Writer(time: time);

        var room = _memory.Open();
        room.Take(1000);
        var write = writer.WriteAsync(Block("a"), room);
        await Wait.UntilAsync(() => Task.FromResult(_store.Invocations.Count == 1));
        time.Advance(2 * new IngestionOptions().WriteTimeout);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => write);
        Assert.Equal(1000, _memory.Small.Taken);

        ended.SetException(new OperationCanceledException());
        await Wait.UntilAsync(() => Task.FromResult(_memory.Small.Taken == 0));
    }

    [Fact]
    public async Task Senders_that_were_just_answered_come_along_with_those_that_wait_already()
    {
        var time = new FakeTimeProvider();
        await using var writer = Writer(time: time);
        var waiting = await AnswerOneOfTwoAsync(writer, time);

        var back = writer.WriteAsync(Block("a"));
        await Task.WhenAll(waiting, back);

        Assert.Equal(2, Inserts);
    }

    [Fact]
    public async Task Senders_that_do_not_come_back_are_not_waited_for_for_long()
    {
        var time = new FakeTimeProvider();
        await using var writer = Writer(time: time);
        var waiting = await AnswerOneOfTwoAsync(writer, time);

        // Small steps, because the wait may begin a moment after the answer.
        for (var waited = 0; !waiting.IsCompleted; waited++)
        {
            Assert.InRange(waited, 0, 10_000);
            time.Advance(TimeSpan.FromMilliseconds(1));
            await Task.Delay(1);
        }
    }

    [Fact]
    public async Task With_several_instances_an_identity_makes_an_INSERT_of_its_own_with_the_same_token_until_it_is_stored()
    {
        _answers.Enqueue(() => Task.FromException(new ClickHouseServerException("no table", "INSERT", 60)));
        await using var writer = Writer();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => writer.WriteAsync(Block("a", id: 1)));
        await writer.WriteAsync(Block("a", id: 1));
        await writer.WriteAsync(Block("b", id: 2));
        await writer.WriteAsync(Block("a", id: 1));
        Assert.Equal([_inserts[0].Token, _inserts[0].Token, _inserts[2].Token], _inserts.Select(insert => insert.Token));
        Assert.NotEqual(_inserts[0].Token, _inserts[2].Token);
    }

    [Fact]
    public async Task The_same_request_from_several_connections_at_once_is_one_INSERT()
    {
        var acknowledged = new TaskCompletionSource();
        _answers.Enqueue(() => acknowledged.Task);
        await using var writer = Writer();

        var writes = Enumerable.Range(0, 100).Select(_ => writer.WriteAsync(Block("a", id: 1))).ToList();
        acknowledged.SetResult();
        await Task.WhenAll(writes);

        Assert.Equal(1, Inserts);
    }

    [Fact]
    public async Task The_only_instance_lets_requests_with_an_identity_share_an_INSERT()
    {
        var acknowledged = new TaskCompletionSource();
        _answers.Enqueue(() => acknowledged.Task);
        await using var writer = Writer(OnlyInstance);

        var writes = new List<Task> { writer.WriteAsync(Block("first")) };
        await Wait.UntilAsync(() => Task.FromResult(Inserts == 1));
        writes.AddRange(Enumerable.Range(1, 100).Select(i => writer.WriteAsync(Block($"name {i}", id: i))));
        writes.AddRange(Enumerable.Range(1, 100).Select(i => writer.WriteAsync(Block($"name {i}", id: i))));
        acknowledged.SetResult();
        await Task.WhenAll(writes);
        await Task.WhenAll(Enumerable.Range(1, 100).Select(i => writer.WriteAsync(Block($"name {i}", id: i))));

        Assert.Equal(2, Inserts);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_month_of_a_request_is_an_INSERT_and_stored_once_though_another_fails(bool isAlone)
    {
        _answers.Enqueue(() => Task.CompletedTask);
        _answers.Enqueue(() => Task.FromException(new ClickHouseServerException("no table", "INSERT", 60)));
        await using var writer = Writer(new IngestionOptions { SingleInstance = isAlone });
        var fault = await Assert.ThrowsAsync<StorageUnavailableException>(() => writer.WriteAsync(OverMonths()));
        Assert.True(fault.MayBeStored);
        await writer.WriteAsync(OverMonths());
        await writer.WriteAsync(OverMonths());

        Assert.Equal(3, Inserts);
        var (stored, failed) = _inserts[1].Rows.SequenceEqual(_inserts[2].Rows) ? (_inserts[0], _inserts[1]) : (_inserts[1], _inserts[0]);
        Assert.Equal(failed.Rows, _inserts[2].Rows);
        Assert.NotEqual(failed.Rows, stored.Rows);
        Assert.NotEqual(failed.Token, stored.Token);

        static SampleBlock OverMonths()
        {
            var block = Block("a", id: 1);
            block.Add("b"u8, 1, 40L * 24 * 3600 * 1000);
            return block;
        }
    }

    [Fact]
    public async Task Requests_of_different_months_do_not_share_an_INSERT()
    {
        var acknowledged = new TaskCompletionSource();
        _answers.Enqueue(() => acknowledged.Task);
        await using var writer = Writer();

        var writes = new List<Task> { writer.WriteAsync(Block("first")) };
        await Wait.UntilAsync(() => Task.FromResult(Inserts == 1));
        writes.AddRange(Enumerable.Range(0, 100).Select(i => writer.WriteAsync(Block($"{i}", time: i % 2 * 40L * 24 * 3600 * 1000))));
        acknowledged.SetResult();
        await Task.WhenAll(writes);

        Assert.Equal(3, Inserts);
    }

    [Fact]
    public async Task What_is_found_in_the_table_is_not_sent_again()
    {
        _answers.Enqueue(() => Task.FromException(new IOException("broken pipe")));
        _store.Setup(store => store.HasAsync(It.IsAny<RowMark>(), It.IsAny<string>(), It.IsAny<CancellationToken>())).ReturnsAsync(true);
        await using var writer = Writer(OnlyInstance);
        await writer.WriteAsync(Block("a"));
        Assert.Equal(1, Inserts);
    }

    [Fact]
    public async Task A_token_that_was_noted_for_nothing_is_replaced()
    {
        _answers.Enqueue(() => Task.FromException(new ClickHouseServerException("rename: input/output error", "INSERT", 1001)));
        await using var writer = Writer(OnlyInstance);
        await writer.WriteAsync(Block("a"));
        Assert.Equal(3, Inserts);
        Assert.Equal(_inserts[0].Token, _inserts[1].Token);
        Assert.NotEqual(_inserts[1].Token, _inserts[2].Token);
    }

    [Fact]
    public async Task Requests_whose_time_is_over_before_their_INSERT_begins_are_told_so_and_not_stored()
    {
        var time = new FakeTimeProvider();
        var failed = new TaskCompletionSource();
        _answers.Enqueue(() => failed.Task);
        _answers.Enqueue(() => Task.Delay(Timeout.Infinite));
        await using var writer = Writer(new IngestionOptions { WriteTimeout = TimeSpan.FromSeconds(10) }, time);
        var underWay = writer.WriteAsync(Block("a"));
        await Wait.UntilAsync(() => Task.FromResult(Inserts == 1));
        time.Advance(TimeSpan.FromSeconds(6));
        failed.SetException(new IOException("broken pipe"));
        await AdvanceAsync(time, () => Inserts == 2);
        var waiting = writer.WriteAsync(Block("b"));
        await AdvanceAsync(time, () => waiting.IsCompleted);
        Assert.False((await Assert.ThrowsAsync<StorageUnavailableException>(() => waiting)).MayBeStored);
        await AdvanceAsync(time, () => underWay.IsCompleted);
        Assert.True((await Assert.ThrowsAsync<StorageUnavailableException>(() => underWay)).MayBeStored);

        await writer.WriteAsync(Block("c"));
        Assert.Equal(PlainNative.BytesOf(Block("c")), _inserts[^1].Rows);
        Assert.Equal(3, Inserts);
    }

    [Fact]
    public async Task Requests_that_wait_for_a_slow_INSERT_have_all_their_time_for_the_next_one()
    {
        var time = new FakeTimeProvider();
        var answers = Enumerable.Range(0, 2).Select(_ => new TaskCompletionSource()).ToArray();
        _answers.Enqueue(() => answers[0].Task);
        _answers.Enqueue(() => answers[1].Task);
        await using var writer = Writer(new IngestionOptions { WriteTimeout = TimeSpan.FromSeconds(10) }, time);
        var first = writer.WriteAsync(Block("a"));
        await Wait.UntilAsync(() => Task.FromResult(Inserts == 1));
        var second = writer.WriteAsync(Block("b"));
        time.Advance(TimeSpan.FromSeconds(6));
        answers[0].SetResult();
        await first;
        await AdvanceAsync(time, () => Inserts == 2);
        time.Advance(TimeSpan.FromSeconds(6));
        Assert.False(second.IsCompleted);
        answers[1].SetResult();
        await second;
    }

    [Fact]
    public async Task A_request_that_comes_again_in_another_month_is_stored_once()
    {
        await using var writer = Writer(OnlyInstance);
        await writer.WriteAsync(Block("a", id: 1));
        await writer.WriteAsync(Block("a", id: 1, time: 40L * 24 * 3600 * 1000));
        Assert.Equal(1, Inserts);
    }

    [Fact]
    public async Task A_defect_is_told_to_its_requests_and_the_next_ones_are_stored()
    {
        var logger = new FakeLogger<SampleWriter>();
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        await using var writer = new SampleWriter(
            _store.Object, Options.Create(OnlyInstance), _memory, new IngestionTelemetry(meters), TimeProvider.System, logger);
        using (var defect = new MeterListener())
        {
            defect.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "db.client.operation.duration" && instrument.Meter.Scope == meters)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            defect.SetMeasurementEventCallback<double>((_, _, _, _) => throw new InvalidTimeZoneException("a defect"));
            defect.Start();
            var told = await Assert.ThrowsAsync<StorageUnavailableException>(() => writer.WriteAsync(Block("a")));
            Assert.Equal("unexpected", told.Fault.Kind);
            Assert.True(told.MayBeStored);
        }

        await writer.WriteAsync(Block("b"));
        Assert.Contains(logger.Collector.GetSnapshot(), line => line.Level == LogLevel.Error);
    }

    [Fact]
    public async Task What_may_be_stored_is_kept_until_that_is_known_and_the_same_request_waits_for_it()
    {
        var time = new FakeTimeProvider();
        var answered = new TaskCompletionSource();
        _answers.Enqueue(() => Task.FromException(new IOException("broken pipe")));
        for (var i = 0; i < 10; i++)
        {
            _answers.Enqueue(() => answered.Task);
        }

        await using var writer = Writer(OnlyInstance, time);

        var write = writer.WriteAsync(Block("a", id: 1));
        await AdvanceAsync(time, () => write.IsCompleted);
        Assert.True((await Assert.ThrowsAsync<StorageUnavailableException>(() => write)).MayBeStored);

        var again = writer.WriteAsync(Block("a", id: 1));
        _store.Setup(store => store.HasAsync(It.IsAny<RowMark>(), It.IsAny<string>(), It.IsAny<CancellationToken>()))
            .ReturnsAsync(() => answered.Task.IsCompleted);
        answered.SetResult();
        await AdvanceAsync(time, () => again.IsCompleted);
        await again;
        Assert.Single(_inserts.Select(insert => insert.Token).Distinct());
    }

    [Fact]
    public async Task What_is_certainly_not_stored_is_a_new_request_when_it_comes_again()
    {
        _answers.Enqueue(() => Task.FromException(new ClickHouseServerException("no table", "INSERT", 60)));
        await using var writer = Writer(OnlyInstance);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => writer.WriteAsync(Block("a", id: 1)));
        await writer.WriteAsync(Block("a", id: 1));
        Assert.NotEqual(_inserts[0].Token, _inserts[1].Token);
    }

    [Fact]
    public async Task Requests_without_an_identity_are_given_up_as_before_when_they_may_be_stored()
    {
        for (var i = 0; i < 100; i++)
        {
            _answers.Enqueue(() => Task.FromException(new IOException("broken pipe")));
        }

        var time = new FakeTimeProvider();
        await using var writer = Writer(OnlyInstance, time);
        var write = writer.WriteAsync(Block("a"));
        await AdvanceAsync(time, () => write.IsCompleted);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => write);
        _answers.Clear();
        await writer.WriteAsync(Block("b"));
        Assert.NotEqual(_inserts[0].Token, _inserts[^1].Token);
    }

    [Fact]
    public async Task What_a_former_process_stored_is_known_once_it_is_read()
    {
        var others = new TaskCompletionSource();
        _store.Setup(store => store.WaitForOthersAsync(It.IsAny<CancellationToken>())).Returns(others.Task);
        _store.Setup(store => store.ReadRequestIdsAsync(It.IsAny<DateTimeOffset>(), It.IsAny<Action<UInt128>>(), It.IsAny<CancellationToken>()))
            .Callback((DateTimeOffset _, Action<UInt128> tell, CancellationToken _) => tell(1))
            .Returns(Task.CompletedTask);
        await using var writer = Writer(OnlyInstance);
        await writer.StartAsync(default);
        var known = writer.KnowsRequestsAsync().AsTask();
        Assert.False(known.IsCompleted);

        others.SetResult();
        await known;
        await writer.WriteAsync(Block("a", id: 1));
        Assert.Equal(0, Inserts);
    }

    [Fact]
    public async Task What_a_former_process_stored_is_asked_for_until_it_is_told()
    {
        var time = new FakeTimeProvider();
        _store.SetupSequence(store => store.ReadRequestIdsAsync(It.IsAny<DateTimeOffset>(), It.IsAny<Action<UInt128>>(), It.IsAny<CancellationToken>()))
            .Throws(new ClickHouseServerException("no grant", "SELECT", 497))
            .Throws(new IOException("broken off"))
            .Returns(Task.CompletedTask);
        await using var writer = Writer(OnlyInstance, time);
        var known = writer.KnowsRequestsAsync().AsTask();
        await AdvanceAsync(time, () => known.IsCompleted);
        await known;
    }

    [Fact]
    public async Task What_a_former_process_stored_is_not_waited_for_any_more_once_the_host_stops()
    {
        _store.Setup(store => store.WaitForOthersAsync(It.IsAny<CancellationToken>()))
            .Returns((CancellationToken stop) => Task.Delay(Timeout.Infinite, stop));
        await using var writer = Writer(OnlyInstance);
        var known = writer.KnowsRequestsAsync().AsTask();
        await writer.StopAsync(default);
        var refused = await Assert.ThrowsAsync<StorageUnavailableException>(() => known);
        Assert.Equal(StorageFault.Stopping, refused.Fault);
    }

    [Fact]
    public async Task A_large_request_does_not_hold_up_small_ones()
    {
        var acknowledged = new TaskCompletionSource();
        _answers.Enqueue(() => acknowledged.Task);
        await using var writer = Writer();

        var large = writer.WriteAsync(Block(new string('n', 255), rows: 10_000));
        await Wait.UntilAsync(() => Task.FromResult(Inserts == 1));
        await writer.WriteAsync(Block("small"));
        Assert.False(large.IsCompleted);

        acknowledged.SetResult();
        await large;
    }

    [Fact]
    public async Task A_fault_and_its_end_are_logged_once_however_many_requests_meet_it()
    {
        var logger = new FakeLogger<SampleWriter>();
        for (var i = 0; i < 5; i++)
        {
            _answers.Enqueue(() => Task.FromException(new ClickHouseServerException("no table", "INSERT", 60)));
        }

        await using var writer = new SampleWriter(
            _store.Object, Options.Create(new IngestionOptions()), _memory, Telemetry(), TimeProvider.System, logger);
        for (var i = 0; i < 5; i++)
        {
            var fault = await Assert.ThrowsAsync<StorageUnavailableException>(() => writer.WriteAsync(Block("a")));
            Assert.Contains("does not exist", fault.Fault.Brief, StringComparison.Ordinal);
        }

        await writer.WriteAsync(Block("a"));
        await writer.WriteAsync(Block("a"));

        Assert.Equal([LogLevel.Error, LogLevel.Information], logger.Collector.GetSnapshot().Select(line => line.Level));
    }

    [Fact]
    public async Task Disposing_stores_what_is_in_hand_and_takes_no_more()
    {
        var acknowledged = new TaskCompletionSource();
        _answers.Enqueue(() => acknowledged.Task);
        var writer = Writer();
        var writes = new[] { writer.WriteAsync(Block("a")), writer.WriteAsync(Block("b", id: 1)) };

        var disposed = writer.DisposeAsync();
        await Assert.ThrowsAsync<StorageUnavailableException>(() => writer.WriteAsync(Block("c")));
        Assert.False(disposed.IsCompleted);

        acknowledged.SetResult();
        await disposed;
        await Task.WhenAll(writes);
        Assert.Equal(2, Inserts);
    }

    // An INSERT of 10 ms; what came meanwhile is the task within the task, which waits.
    async Task<Task> AnswerOneOfTwoAsync(SampleWriter writer, FakeTimeProvider time)
    {
        var acknowledged = new TaskCompletionSource();
        _answers.Enqueue(() => acknowledged.Task);
        var answered = writer.WriteAsync(Block("a"));
        await Wait.UntilAsync(() => Task.FromResult(Inserts == 1));
        var waiting = writer.WriteAsync(Block("b"));
        time.Advance(TimeSpan.FromMilliseconds(10));
        acknowledged.SetResult();
        await answered;
        return waiting;
    }

    static IngestionOptions OnlyInstance => new() { SingleInstance = true };

    // In small steps, because what waits may begin to a moment later.
    static async Task AdvanceAsync(FakeTimeProvider time, Func<bool> isDone)
    {
        for (var steps = 0; !isDone(); steps++)
        {
            Assert.InRange(steps, 0, 10_000);
            time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(1);
        }
    }

    int Inserts
    {
        get
        {
            lock (_inserts)
            {
                return _inserts.Count;
            }
        }
    }

    SampleWriter Writer(IngestionOptions? options = null, TimeProvider? time = null) =>
        new(_store.Object, Options.Create(options ?? new IngestionOptions()), _memory, Telemetry(), time ?? TimeProvider.System, NullLogger<SampleWriter>.Instance);

    static IngestionTelemetry Telemetry() => new(new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>());

    static SampleBlock Block(string name, int rows = 1, int id = 0, long time = 0)
    {
        var block = new SampleBlock();
        block.Begin(0);
        for (var i = 0; i < rows; i++)
        {
            block.Add(Encoding.UTF8.GetBytes(name), 1, time);
        }

        block.RequestId = (UInt128)id;

        return block;
    }
}
