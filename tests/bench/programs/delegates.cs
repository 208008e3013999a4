// Delegates: of static and of instance methods, and combined ones.
using System;

sealed class Scale
{
    readonly int by;
    public long Sum;
    public Scale(int by) { this.by = by; }
    public int Apply(int x) { return x * by + 1; }
    public void Note(int x) { Sum += x * by; }
}

static class Delegates
{
    static int Next(int x) { return x + 3; }

    static int Repeat(Func<int, int> f, int x, int times)
    {
        for (int i = 0; i < times; i++) x = f(x);
        return x;
    }

    static long Work()
    {
        Scale two = new Scale(2), three = new Scale(3);
        long sum = Repeat(Next, 1, 2000000) + Repeat(three.Apply, 1, 2000000);
        Action<int> all = two.Note;
        all += three.Note;
        for (int i = 0; i < 500000; i++) all(i);
        return sum + two.Sum * 7 + three.Sum;
    }

    static int Main() { return Bench.Run("delegates", Work); }
}
