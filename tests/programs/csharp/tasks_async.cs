using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

class TasksAsync
{
    static async Task<int> Add(int a, int b) { await Task.Delay(1); return a + b; }
    static async Task Fail(string text) { await Task.Yield(); throw new InvalidOperationException(text); }
    static async Task<string> Nested() { int x = await Add(1, 2); for (int i = 0; i < 3; i++) x += await Add(i, x); try { await Fail("inner"); } catch (InvalidOperationException e) { return e.Message + x; } finally { Console.WriteLine("finally"); } return "none"; }
    static async Task<int> Cancel(CancellationToken t) { while (true) { t.ThrowIfCancellationRequested(); await Task.Delay(1, t); } }
    static async void Void(TaskCompletionSource<int> done) { await Task.Delay(2); done.SetResult(9); }
    static void Try(Action a) { try { a(); } catch (AggregateException e) { Console.WriteLine("aggregate " + string.Join(",", e.Flatten().InnerExceptions.Select(x => x.GetType().Name + ":" + x.Message))); } catch (Exception e) { Console.WriteLine(e.GetType().Name + ": " + e.Message); } }
    static IEnumerable<int> Numbers(int n) { try { for (int i = 0; i < n; i++) yield return i; } finally { Console.WriteLine("disposed"); } }

    static void Main()
    {
        Console.WriteLine(Add(2, 3).Result + " " + Nested().Result); Try(() => Fail("boom").Wait()); Try(() => Fail("get").GetAwaiter().GetResult());
        var source = new CancellationTokenSource(); var canceled = Cancel(source.Token); source.CancelAfter(5); Try(() => canceled.Wait()); Console.WriteLine(canceled.Status + " " + canceled.IsCanceled + " " + canceled.IsFaulted);
        var done = new TaskCompletionSource<int>(); Void(done); Console.WriteLine(done.Task.Result); var all = Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => i * i))); Console.WriteLine(all.Result.Sum() + " " + Task.WhenAny(Task.Delay(10000), Task.FromResult(1)).Result.Status); Try(() => Task.WhenAll(Fail("a"), Fail("b"), Add(1, 1)).Wait());
        var parent = Task.Factory.StartNew(() => { for (int i = 0; i < 3; i++) { int k = i; Task.Factory.StartNew(() => { Thread.Sleep(2); if (k == 1) throw new Exception("child"); }, TaskCreationOptions.AttachedToParent); } }); Try(() => parent.Wait()); Console.WriteLine(parent.Status);
        var chain = Task.Run(() => 5).ContinueWith(t => t.Result * 2).ContinueWith(t => t.Result + 1); Console.WriteLine(chain.Result); Task faulted = Task.Run(() => { throw new ArgumentException("bad"); }); var after = faulted.ContinueWith(t => t.Exception.InnerException.Message, TaskContinuationOptions.OnlyOnFaulted); Console.WriteLine(after.Result); var skipped = faulted.ContinueWith(t => 1, TaskContinuationOptions.OnlyOnRanToCompletion); Try(() => skipped.Wait()); Console.WriteLine(skipped.IsCanceled);
        int total = 0; Parallel.For(0, 1000, i => Interlocked.Add(ref total, i)); Console.WriteLine(total); total = 0; Parallel.ForEach(Enumerable.Range(1, 100), i => Interlocked.Add(ref total, i)); Console.WriteLine(total); Parallel.Invoke(() => Interlocked.Increment(ref total), () => Interlocked.Increment(ref total)); Console.WriteLine(total); Try(() => Parallel.For(0, 10, i => { if (i == 5) throw new Exception("five"); })); Console.WriteLine(Enumerable.Range(0, 1000).AsParallel().Where(x => x % 3 == 0).Select(x => (long)x).Sum());
        foreach (int n in Numbers(5)) { if (n == 2) break; Console.WriteLine(n); } var local = new AsyncLocal<int>(); local.Value = 7; Console.WriteLine(Task.Run(() => local.Value).Result); var lazy = new Lazy<int>(() => { Console.WriteLine("made"); return 3; }); Console.WriteLine(lazy.IsValueCreated + " " + lazy.Value + lazy.Value); var semaphore = new SemaphoreSlim(2); int most = 0, now = 0; Task.WaitAll(Enumerable.Range(0, 6).Select(async i => { await semaphore.WaitAsync(); int at = Interlocked.Increment(ref now); lock (semaphore) most = Math.Max(most, at); await Task.Delay(2); Interlocked.Decrement(ref now); semaphore.Release(); }).ToArray()); Console.WriteLine(most <= 2); var progress = Task.Run(async () => { int s = 0; for (int i = 0; i < 100; i++) { await Task.Yield(); s += i; } return s; }); Console.WriteLine(progress.Result + " " + Task.CompletedTask.IsCompleted + " " + Task.Delay(1).Wait(60000) + " " + new Task(() => { }).Status + " " + Task.FromException<int>(new Exception("x")).IsFaulted);
    }
}
