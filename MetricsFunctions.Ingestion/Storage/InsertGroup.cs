using System.Buffers;
using System.Diagnostics;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Telemetry;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>The rows of one INSERT: what several requests brought while the INSERT before it was under way.</summary>
/// <param name="token">The deduplication token; the same for every attempt.</param>
/// <param name="deadline">When the first request in the group stops waiting, as a <see cref="TimeProvider"/> timestamp.</param>
sealed class InsertGroup(string token, long deadline)
{
    // OpenTelemetry's own limit for a span.
    const int MostLinks = 128;

    readonly TaskCompletionSource _stored = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly ColumnBlocks _columns = new();
    readonly NativeBlocks _blocks = new();
    List<UInt128>? _requestIds;

    int _firstMonth = int.MaxValue;
    int _lastMonth;

    // The spans of the requests, when somebody wants spans.
    List<ActivityLink>? _links;

    public string Token { get; } = token;

    public long Deadline { get; } = deadline;

    /// <summary>
    /// Whether requests with an identity are in it that may be stored although no attempt was answered so: it is kept until that is known,
    /// or the same requests again would be stored twice.
    /// </summary>
    public bool IsUncertain { get; set; }

    /// <summary>The identities of the requests that have one.</summary>
    public IReadOnlyList<UInt128> RequestIds => _requestIds ?? [];

    /// <summary>Whether its samples lie in more than one month, so that a part of them may be stored without the others.</summary>
    public bool SpansMonths => _lastMonth > _firstMonth;

    /// <summary>How many requests wait for this group.</summary>
    public int Requests { get; private set; }

    /// <summary>How many samples they brought.</summary>
    public int Samples { get; private set; }

    /// <summary>The samples as an INSERT sends them; to be asked for when the group is complete, and again for each attempt.</summary>
    public ReadOnlySequence<byte> Rows
    {
        get
        {
            _columns.Merge();
            _columns.TakeAll(_blocks.Write);
            return _blocks.ToSequence();
        }
    }

    /// <summary>The sum of <see cref="SampleBlock.Bytes"/>.</summary>
    public long Bytes { get; private set; }

    /// <summary>Completes when every row of the group is stored, or fails when they are given up.</summary>
    public Task Stored => _stored.Task;

    /// <summary>Adds a request's samples: few are copied into a block that requests share, and many change hands.</summary>
    public void Append(SampleBlock block)
    {
        if (block.RequestId != 0)
        {
            block.Columns.Identify(block.RequestId);
            (_requestIds ??= []).Add(block.RequestId);
        }

        _firstMonth = Math.Min(_firstMonth, block.FirstMonth);
        _lastMonth = Math.Max(_lastMonth, block.LastMonth);
        Bytes += block.Bytes;
        _columns.Append(block.Columns);
        Samples += block.Count;
        Requests++;
        if (IngestionTelemetry.IsTraced && Activity.Current is { } request && (_links?.Count ?? 0) < MostLinks)
        {
            (_links ??= []).Add(new ActivityLink(request.Context));
        }
    }

    /// <summary>Begins the span of the group's INSERT.</summary>
    public Activity? StartActivity() => IngestionTelemetry.StartInsert(_links, Samples);

    /// <summary>Tells every waiting request, and gives the memory back.</summary>
    /// <param name="fault">Why the rows are not known to be stored; null when they are.</param>
    public void End(StorageUnavailableException? fault)
    {
        _columns.TakeAll(_ => { });
        _blocks.Release();
        if (fault is null)
        {
            _stored.SetResult();
        }
        else
        {
            _stored.SetException(fault);

            // Its requests may have stopped waiting, and then nobody looks.
            _ = _stored.Task.Exception;
        }
    }
}
