using MetricsFunctions.Ingestion.Samples;

namespace MetricsFunctions.Ingestion.Formats.Otlp;

/// <summary>Why a data point is not stored.</summary>
/// <param name="Kind">What the fault is about.</param>
/// <param name="Sentence">What is wrong, as a sentence about the point.</param>
readonly record struct PointFault(FaultKind Kind, string Sentence);
