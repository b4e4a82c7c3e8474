using System.Buffers;
using System.Diagnostics;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Telemetry;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>
/// One INSERT, in as many attempts as it takes: the rows of groups that lie in one month. ClickHouse commits a month as a whole, so they are
/// all there or none.
/// </summary>
/// <param name="groups">The groups.</param>
/// <param name="isMarked">Whether the first row gets a mark by which the rows are found in the table.</param>
sealed class Insert(IReadOnlyList<InsertGroup> groups, bool isMarked)
{
    readonly ColumnBlocks _columns = new();
    readonly NativeBlocks _blocks = new();
    ReadOnlySequence<byte>? _rows;

    /// <summary>The deduplication token.</summary>
    public string Token { get; private set; } = groups[0].Token ?? NewToken();

    /// <summary>What the rows are found by; known when <see cref="Rows"/> were asked for.</summary>
    public RowMark Mark { get; private set; }

    /// <summary>Whether an attempt was made, be it that ClickHouse refused it.</summary>
    public bool WasTried { get; set; }

    /// <summary>Whether an attempt was made of which it is not known whether it has stored the rows, or will.</summary>
    public bool MayBeStored { get; set; }

    /// <summary>Whether some of the requests have an identity.</summary>
    public bool HasIdentities => groups.Any(group => group.HasIdentities);

    /// <summary>How many requests wait.</summary>
    public int Requests => groups.Sum(group => group.Requests);

    /// <summary>How many samples they brought.</summary>
    public int Samples => groups.Sum(group => group.Samples);

    /// <summary>The samples as every attempt sends them.</summary>
    public ReadOnlySequence<byte> Rows => _rows ??= Encode();

    /// <summary>Takes another token, because ClickHouse has noted this one for rows that it does not have.</summary>
    public void Renew() => Token = NewToken();

    /// <summary>Begins its span.</summary>
    public Activity? StartActivity() =>
        IngestionTelemetry.StartInsert(groups.SelectMany(group => group.Links ?? []).Take(InsertGroup.MostLinks), Samples);

    /// <summary>Tells every waiting request, and gives the memory back.</summary>
    /// <param name="fault">Why the rows are not known to be stored; null when they are.</param>
    public void End(StorageUnavailableException? fault)
    {
        _columns.TakeAll(_ => { });
        _blocks.Release();
        foreach (var group in groups)
        {
            group.End(fault);
        }
    }

    ReadOnlySequence<byte> Encode()
    {
        foreach (var group in groups)
        {
            _columns.Append(group.Columns);
        }

        _columns.Merge();
        if (isMarked)
        {
            Mark = _columns.Mark();
        }

        _columns.TakeAll(_blocks.Write);
        return _blocks.ToSequence();
    }

    static string NewToken() => Guid.NewGuid().ToString("N");
}
