using System.Diagnostics;
using MetricsFunctions.Ingestion.Samples;
using MetricsFunctions.Ingestion.Telemetry;

namespace MetricsFunctions.Ingestion.Storage;

/// <summary>Requests that came within a moment, with samples of one month: they wait together, and are stored or given up together.</summary>
/// <param name="month">The month, as <see cref="SampleBlock.FirstMonth"/> counts.</param>
/// <param name="begun">When the first of them came, as a <see cref="TimeProvider"/> timestamp.</param>
/// <param name="token">A deduplication token of its own, which makes it an INSERT of its own; else none.</param>
sealed class InsertGroup(int month, long begun, string? token)
{
    // OpenTelemetry's own limit for a span.
    public const int MostLinks = 128;

    readonly TaskCompletionSource _stored = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Month { get; } = month;

    public long Begun { get; } = begun;

    public string? Token { get; } = token;

    /// <summary>Ends its waiting when its time is over.</summary>
    public ITimer? Expiry { get; set; }

    /// <summary>How many requests wait for it.</summary>
    public int Requests { get; private set; }

    /// <summary>How many samples they brought.</summary>
    public int Samples { get; private set; }

    /// <summary>Whether some of the requests have an identity.</summary>
    public bool HasIdentities { get; private set; }

    /// <summary>The samples.</summary>
    public ColumnBlocks Columns { get; } = new();

    /// <summary>The spans of the requests, when somebody wants spans.</summary>
    public List<ActivityLink>? Links { get; private set; }

    /// <summary>Completes when every row of it is stored, or fails when they are given up.</summary>
    public Task Stored => _stored.Task;

    /// <summary>Adds a request's samples: few are copied into a block that requests share, and many change hands.</summary>
    public void Append(SampleBlock block)
    {
        if (block.RequestId != 0)
        {
            block.Columns.Identify(block.RequestId);
            HasIdentities = true;
        }

        Columns.Append(block.Columns);
        Samples += block.Count;
        Requests++;
        if (IngestionTelemetry.IsTraced && Activity.Current is { } request && (Links?.Count ?? 0) < MostLinks)
        {
            (Links ??= []).Add(new ActivityLink(request.Context));
        }
    }

    /// <summary>Tells every waiting request, and gives the memory back.</summary>
    /// <param name="fault">Why the rows are not known to be stored; null when they are.</param>
    public void End(StorageUnavailableException? fault)
    {
        Columns.TakeAll(_ => { });
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
