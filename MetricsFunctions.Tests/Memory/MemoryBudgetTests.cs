using MetricsFunctions.Ingestion.Memory;
using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Tests.Memory;

/// <summary>What requests have of the memory together.</summary>
public sealed class MemoryBudgetTests
{
    const int Limit = 4 * MemoryBudget.LargestSmall;

    readonly MemoryBudget _memory = new(Limit);

    [Fact]
    public void Small_requests_have_memory_when_large_ones_have_all_of_theirs()
    {
        using var large = _memory.Open();
        large.Take(Limit);
        using var small = _memory.Open();
        small.Take(MemoryBudget.LargestSmall);
        Assert.Equal((MemoryBudget.LargestSmall, Limit), (_memory.Small.Taken, _memory.Large.Taken));

        // It is not small any more.
        Assert.Throws<NoRoomException>(() => small.Take(1));
        Assert.Equal(RoomFault.Full, small.Fault);
    }

    [Fact]
    public void Small_requests_have_no_more_than_half_as_much_as_large_ones()
    {
        using var one = _memory.Open();
        one.Take(MemoryBudget.LargestSmall);
        using var other = _memory.Open();
        other.Take(MemoryBudget.LargestSmall);
        using var last = _memory.Open();
        Assert.Throws<NoRoomException>(() => last.Take(1));
    }

    [Fact]
    public void A_request_that_becomes_a_large_one_leaves_its_memory_to_small_ones()
    {
        using var request = _memory.Open();
        request.Take(1000);
        Assert.Equal(1000, _memory.Small.Taken);
        request.Take(MemoryBudget.LargestSmall);
        Assert.Equal((0, 1000 + MemoryBudget.LargestSmall), (_memory.Small.Taken, _memory.Large.Taken));
    }

    [Fact]
    public void The_body_of_a_request_that_is_alone_may_go_beyond_and_its_rows_may_not()
    {
        using (var alone = _memory.Open())
        {
            alone.Take(2 * Limit);
            Assert.True(alone.TryTakeRows(Limit));
            Assert.Null(alone.Fault);
            Assert.False(alone.TryTakeRows(1));
            Assert.Equal(RoomFault.NeverFits, alone.Fault);
        }

        using var one = _memory.Open();
        one.Take(2 * Limit);
        using var other = _memory.Open();
        Assert.Throws<NoRoomException>(() => other.Take(Limit));
        Assert.Equal(RoomFault.Full, other.Fault);
    }

    [Fact]
    public async Task Whatever_many_threads_take_and_give_back_nothing_is_left_taken()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(seed => Task.Run(() =>
        {
            var random = new Random(seed);
            for (var i = 0; i < 10_000; i++)
            {
                using var room = _memory.Open();
                while (room.TryTakeRows(random.Next(MemoryBudget.LargestSmall)) && random.Next(4) > 0)
                {
                    room.Give(random.Next(1000));
                }
            }
        })));
        Assert.Equal((0, 0), (_memory.Small.Taken, _memory.Large.Taken));
    }

    // Whether they were read in one part or in several, as on several processors.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void Rows_fit_up_to_the_same_sample_in_any_number_of_parts(int parts)
    {
        const int Samples = 2000;
        var bytes = Rows(null, parts, Samples).Bytes;
        Assert.Null(Fault(bytes, Samples));
        Assert.Equal(RoomFault.NeverFits, Fault(bytes - 1, Samples));
        Assert.Equal(RoomFault.NeverFits, Fault(bytes, Samples + 1));

        RoomFault? Fault(long limit, int samples)
        {
            using var room = new MemoryBudget(limit).Open();
            Rows(room, parts, samples);
            return room.Fault;
        }
    }

    static SampleBlock Rows(MemoryBudget.Room? room, int parts, int samples)
    {
        var all = new SampleBlock();
        all.Begin(0, room);
        for (var part = 0; part < parts; part++)
        {
            var block = new SampleBlock();
            block.Begin(0, room);
            block.Tags.Add("key"u8, new byte[1000].AsSpan());
            for (var sample = part; sample < samples; sample += parts)
            {
                block.Add("name"u8, sample, 0);
            }

            all.Append(block);
        }

        all.TakeRoom();
        return all;
    }
}
