using System;
using System.Collections;
using System.Collections.Generic;

// The compiler asks for the pattern, not for an interface.
class Countdown
{
    readonly int from;
    public Countdown(int from) { this.from = from; }
    public Enumerator GetEnumerator() { return new Enumerator(from); }

    public struct Enumerator : IDisposable
    {
        int next;
        public Enumerator(int from) { next = from + 1; }
        public bool MoveNext() { return --next >= 0; }
        public int Current { get { return next; } }
        public void Dispose() { Console.WriteLine("disposed at " + next); }
    }
}

class Words : IEnumerable<string>
{
    readonly string[] words;
    public Words(params string[] words) { this.words = words; }

    public IEnumerator<string> GetEnumerator() { return new Enumerator(words); }
    IEnumerator IEnumerable.GetEnumerator() { Console.WriteLine("untyped"); return GetEnumerator(); }

    class Enumerator : IEnumerator<string>
    {
        readonly string[] words;
        int at = -1;
        public Enumerator(string[] words) { this.words = words; }
        public string Current { get { return words[at]; } }
        object IEnumerator.Current { get { return words[at]; } }
        public bool MoveNext() { return ++at < words.Length; }
        public void Reset() { at = -1; }
        public void Dispose() { Console.WriteLine("words disposed"); }
    }
}

class ForeachCustom
{
    static int SumAll(IEnumerable items)
    {
        int sum = 0;
        foreach (object o in items)
            sum += o is int ? (int)o : o.ToString().Length;
        return sum;
    }

    static string First(IEnumerable<string> items, Func<string, bool> test)
    {
        foreach (string s in items)
            if (test(s))
                return s;
        return null;
    }

    static void Main()
    {
        foreach (int i in new Countdown(3))
            Console.WriteLine(i);
        foreach (int i in new Countdown(5))
        {
            if (i == 4) continue;
            if (i == 2) break;
            Console.WriteLine(i);
        }
        try
        {
            foreach (int i in new Countdown(2))
                Console.WriteLine(10 / (i - 1));
        }
        catch (DivideByZeroException) { Console.WriteLine("divided"); }

        var words = new Words("alpha", "beta", "gamma");
        foreach (string w in words)
            Console.WriteLine(w);
        Console.WriteLine(First(words, w => w[0] == 'b'));
        Console.WriteLine(First(words, w => w[0] == 'x') ?? "nothing");
        Console.WriteLine(SumAll(words));
        Console.WriteLine(SumAll(new object[] { 1, "two", 3 }));
        Console.WriteLine(SumAll(new int[] { 4, 5, 6 }));
        Console.WriteLine(SumAll("text"));

        int[] array = { 1, 2, 3 };
        int total = 0;
        foreach (int x in array)
        {
            array[2] = 100;
            total += x;
        }
        Console.WriteLine(total);
        foreach (char c in "abc")
            total = total * 2 + c;
        Console.WriteLine(total);
        foreach (long x in new int[] { 5, 6 })
            total += (int)x;
        foreach (int x in new object[] { 7, 8 })
            total += x;
        Console.WriteLine(total);
        foreach (var row in new int[][] { new int[] { 1 }, new int[0], new int[] { 2, 3 } })
            foreach (var x in row)
                Console.WriteLine(x);
        foreach (int x in new int[0])
            Console.WriteLine("never");
        IEnumerable<int> listed = array;
        foreach (int x in listed)
            total += x;
        Console.WriteLine(total);
        try
        {
            foreach (string s in new object[] { "ok", 5 })
                Console.WriteLine(s);
        }
        catch (InvalidCastException) { Console.WriteLine("not a string"); }
    }
}
