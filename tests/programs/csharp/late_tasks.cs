using System;
using System.Threading;
using System.Threading.Tasks;

class LateTasks
{
    static async Task<int> Add(int a, int b)
    {
        await Task.Yield();
        return a + b;
    }

    static async Task<int> Sum(int n)
    {
        int sum = 0;
        for (int i = 1; i <= n; i++)
            sum = await Add(sum, i);
        return sum;
    }

    static async Task<string> Failing()
    {
        try
        {
            await Task.Delay(1);
            throw new InvalidOperationException("async");
        }
        catch (InvalidOperationException e) { return "caught " + e.Message; }
        finally { Console.WriteLine("finally"); }
    }

    static void Main()
    {
        Console.WriteLine(Sum(50).Result);
        Console.WriteLine(Failing().Result);
        var tasks = new Task<int>[5];
        for (int i = 0; i < 5; i++) { int n = i; tasks[i] = Task.Run(() => n * n); }
        Task.WaitAll(tasks);
        foreach (Task<int> t in tasks) Console.WriteLine(t.Result);
        Console.WriteLine(Task.Run(() => 20).ContinueWith(t => t.Result + 1).Result);
        try { Task.Run(() => { throw new ArgumentException("in task"); }).Wait(); }
        catch (AggregateException e) { Console.WriteLine(e.InnerException.Message); }
        int total = 0;
        Parallel.For(0, 100, i => Interlocked.Add(ref total, i));
        Console.WriteLine(total);
        var source = new CancellationTokenSource();
        source.Cancel();
        Task<int> cancelled = Task.Run(() => 1, source.Token);
        try { cancelled.Wait(); }
        catch (AggregateException e) { Console.WriteLine(e.InnerException is TaskCanceledException); }
        Console.WriteLine(cancelled.Status);
        var completion = new TaskCompletionSource<string>();
        new Thread(() => completion.SetResult("completed")).Start();
        Console.WriteLine(completion.Task.Result);
    }
}
