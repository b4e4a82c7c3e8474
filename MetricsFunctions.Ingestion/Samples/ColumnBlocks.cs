namespace MetricsFunctions.Ingestion.Samples;

/// <summary>Any number of samples: full blocks of columns, and behind them one that is being filled.</summary>
sealed class ColumnBlocks
{
    // Copying a sample takes the service some 100 ns, one block more takes ClickHouse some 50 µs.
    const int MostCopiedRows = 1000;

    readonly List<SampleColumns> _blocks = [];

    /// <summary>The blocks.</summary>
    public IReadOnlyList<SampleColumns> All => _blocks;

    /// <summary>The block that the next sample belongs into.</summary>
    public SampleColumns Open => _blocks is [.., { IsFull: false } last] ? last : Begin(SampleColumns.Pool.Get());

    /// <summary>Adds the samples of others: few are copied, and many change hands.</summary>
    public void Append(ColumnBlocks other)
    {
        foreach (var block in other._blocks)
        {
            if (block.Rows > MostCopiedRows)
            {
                Begin(block);
            }
            else
            {
                Open.Add(block);
            }
        }

        other._blocks.RemoveAll(block => block.Rows > MostCopiedRows);
        other.Clear();
    }

    /// <summary>Puts blocks together as long as they are not full.</summary>
    public void Merge()
    {
        for (var i = 0; i < _blocks.Count - 1;)
        {
            var (block, next) = (_blocks[i], _blocks[i + 1]);
            if (block.HasRoomFor(next))
            {
                block.Add(next);
                SampleColumns.Pool.Return(next);
                _blocks.RemoveAt(i + 1);
            }
            else
            {
                i++;
            }
        }
    }

    /// <summary>Gives the samples, which are those of one request, its identity.</summary>
    public void Identify(UInt128 requestId) => _blocks.First(block => block.Rows > 0).Identify(requestId);

    /// <summary>Answers what the samples are found by when they are stored together.</summary>
    public RowMark Mark() => _blocks.First(block => block.Rows > 0).Mark();

    /// <summary>Gives the blocks away.</summary>
    /// <param name="take">Given each of them, for as long as the call takes.</param>
    public void TakeAll(Action<SampleColumns> take)
    {
        foreach (var block in _blocks)
        {
            take(block);
            SampleColumns.Pool.Return(block);
        }

        _blocks.Clear();
    }

    /// <summary>Forgets all samples, and keeps the memory of few for the next ones.</summary>
    public void Clear()
    {
        for (; _blocks.Count > 1; _blocks.RemoveAt(_blocks.Count - 1))
        {
            SampleColumns.Pool.Return(_blocks[^1]);
        }

        _ = _blocks is [var first] && first.TryReset();
    }

    SampleColumns Begin(SampleColumns block)
    {
        _blocks.Add(block);
        return block;
    }
}
