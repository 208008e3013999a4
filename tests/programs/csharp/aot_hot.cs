// Methods that are called often, in each of the ways that calls are made. See tests/tests/aot.rs, which counts what becomes of them.
using System;
using System.Runtime.CompilerServices;

interface IStep
{
    int Step(int n);
}

class Step : IStep
{
    public int Factor = 3;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Direct(int n) { return n * Factor + 1; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public virtual int Virtual(int n) { return n * Factor + 2; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    int IStep.Step(int n) { return n * Factor + 3; }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public int Target(int n) { return n * Factor + 4; }
}

static class AotHot
{
    static void Main()
    {
        Step step = new Step();
        IStep face = step;
        Func<int, int> target = step.Target;
        int sum = 1;
        for (int i = 0; i < 20000; i++)
        {
            sum = step.Direct(sum);
            sum = step.Virtual(sum);
            sum = face.Step(sum);
            sum = target(sum);
        }
        Console.WriteLine(sum);
    }
}
