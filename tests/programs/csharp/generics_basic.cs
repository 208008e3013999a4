using System;

class Pair<A, B>
{
    public A First;
    public B Second;
    public Pair(A first, B second) { First = first; Second = second; }
    public Pair<B, A> Swap() { return new Pair<B, A>(Second, First); }
    public override string ToString() { return "(" + First + ", " + Second + ")"; }
}

struct Option<T>
{
    readonly T value;
    readonly bool present;
    public Option(T value) { this.value = value; present = true; }
    public bool HasValue { get { return present; } }
    public T Or(T other) { return present ? value : other; }
    public Option<R> Map<R>(Func<T, R> f) { return present ? new Option<R>(f(value)) : default(Option<R>); }
}

class Stack<T>
{
    T[] items = new T[1];
    int count;
    public int Count { get { return count; } }

    public void Push(T item)
    {
        if (count == items.Length)
        {
            var larger = new T[count * 2];
            for (int i = 0; i < count; i++)
                larger[i] = items[i];
            items = larger;
        }
        items[count++] = item;
    }

    public T Pop()
    {
        T item = items[--count];
        items[count] = default(T);
        return item;
    }

    public T this[int i] { get { return items[i]; } set { items[i] = value; } }
}

class Linked<T>
{
    public T Head;
    public Linked<T> Tail;

    public static Linked<T> Cons(T head, Linked<T> tail) { return new Linked<T> { Head = head, Tail = tail }; }

    public int Length()
    {
        return Tail == null ? 1 : 1 + Tail.Length();
    }

    public Linked<R> Map<R>(Func<T, R> f)
    {
        return Linked<R>.Cons(f(Head), Tail == null ? null : Tail.Map(f));
    }

    public override string ToString() { return Head + (Tail == null ? "" : ";" + Tail); }
}

class Derived<T> : Pair<T, T[]>
{
    public Derived(T x) : base(x, new T[] { x, x, x }) { }
    public int Count { get { return Second.Length; } }
}

class Closed : Derived<string>
{
    public Closed() : base("closed") { }
    public override string ToString() { return "closed " + Second[2]; }
}

class GenericsBasic
{
    struct Wide { public long A, B, C; public override string ToString() { return A + "/" + B + "/" + C; } }

    static void Main()
    {
        Console.WriteLine(new Pair<int, string>(1, "one"));
        Console.WriteLine(new Pair<int, string>(1, "one").Swap());
        Console.WriteLine(new Pair<long, Pair<char, bool>>(1L << 40, new Pair<char, bool>('x', true)).Swap());
        Console.WriteLine(new Pair<string, object>("a", null).Swap().Swap());
        Console.WriteLine(new Pair<Wide, byte>(new Wide { A = 1, B = 2, C = 3 }, 200).Swap());

        Console.WriteLine(new Option<int>(5).Map(x => "five" + x).Map(s => s.Length).Or(-1));
        Console.WriteLine(new Option<int>().Map(x => "five" + x).Map(s => s.Length).Or(-1));
        Console.WriteLine(new Option<Wide>(new Wide { B = 9 }).Map(w => w.B).Or(0));

        var ints = new Stack<int>();
        var texts = new Stack<string>();
        var wides = new Stack<Wide>();
        var stacks = new Stack<Stack<int>>();
        for (int i = 0; i < 20; i++)
        {
            ints.Push(i * i);
            texts.Push("t" + i);
            wides.Push(new Wide { A = i, C = -i });
            stacks.Push(ints);
        }
        for (int i = 0; i < 15; i++)
        {
            ints.Pop();
            texts.Pop();
            wides.Pop();
        }
        texts[0] += "!";
        ints[1] += 1000;
        Console.WriteLine(ints.Pop() + " " + texts.Pop() + " " + wides.Pop() + " " + stacks.Pop().Count);
        Console.WriteLine(texts[0] + " " + ints[1]);
        try { while (true) texts.Pop(); }
        catch (IndexOutOfRangeException) { Console.WriteLine("empty"); }

        Linked<int> list = null;
        for (int i = 0; i < 10; i++)
            list = Linked<int>.Cons(i, list);
        Console.WriteLine(list + " " + list.Length());
        Console.WriteLine(list.Map(x => "n" + x).Map(s => s + s).Map(s => s.Length) + "");
        Console.WriteLine(list.Map(x => x * 1.5).Map(d => (long)d));

        Console.WriteLine(new Derived<int>(7).Count + " " + new Derived<int>(7).Second[1]);
        Pair<string, string[]> closed = new Closed();
        Console.WriteLine(closed + " " + closed.First);
        object o = closed;
        Console.WriteLine("" + (o is Pair<string, string[]>) + (o is Derived<string>) + (o is Derived<object>) + (o is Closed));
        Console.WriteLine("" + (new Stack<int>() is object) + ((object)new Stack<int>() is Stack<uint>) + ((object)new Stack<string>() is Stack<object>));
    }
}
