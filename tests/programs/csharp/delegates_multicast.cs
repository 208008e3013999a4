using System;

class Publisher
{
    public event Action<int> Changed;
    int value;
    public int Value
    {
        get { return value; }
        set
        {
            this.value = value;
            if (Changed != null)
                Changed(value);
        }
    }
}

class DelegatesMulticast
{
    static string log = "";

    static void A() { log += "A"; }
    static void B() { log += "B"; }
    static void C() { log += "C"; }
    static void Fail() { log += "!"; throw new InvalidOperationException("stop"); }
    static int One() { log += "1"; return 1; }
    static int Two() { log += "2"; return 2; }

    int id;
    void Instance() { log += "i" + id; }

    static void Run(string what, Action action)
    {
        log = "";
        if (action == null)
            log = "(null)";
        else
        {
            try { action(); }
            catch (InvalidOperationException e) { log += " " + e.Message; }
        }
        Console.WriteLine(what + ": " + log);
    }

    static void Main()
    {
        Action a = A, b = B, c = C;
        Run("A", a);
        Run("A+B", a + b);
        Run("A+B+C", a + b + c);
        Run("(A+B)+(C+A)", (a + b) + (c + a));
        Run("A+B-A", a + b - a);
        Run("A+B+A-A", a + b + a - a);
        Run("A-A", a - a);
        Run("A-B", a - b);
        Run("A+B+C-(A+B)", a + b + c - (a + b));
        Run("A+B+C-(B+C)", a + b + c - (b + c));
        Run("A+B+C-(A+C)", a + b + c - (a + c));
        Run("A+B+A+B-(A+B)", a + b + a + b - (a + b));
        Run("null+A", null + a);
        Run("A+null", a + null);
        Run("A-null", a - null);
        Run("null-A", (Action)null - a);
        Run("A+Fail+B", a + Fail + b);

        var first = new DelegatesMulticast { id = 1 };
        var second = new DelegatesMulticast { id = 2 };
        Action instances = first.Instance;
        instances += second.Instance;
        instances += first.Instance;
        Run("instances", instances);
        instances -= second.Instance;
        Run("instances", instances);
        instances -= new DelegatesMulticast { id = 1 }.Instance;
        Run("instances", instances);

        Func<int> numbers = One;
        numbers += Two;
        log = "";
        Console.WriteLine(numbers() + " " + log);
        numbers += One;
        log = "";
        Console.WriteLine(numbers() + " " + log);
        Console.WriteLine(numbers.GetInvocationList().Length);
        foreach (Func<int> f in numbers.GetInvocationList())
            Console.WriteLine(f());
        Console.WriteLine((a + b) == (a + b));
        Console.WriteLine((a + b) == (b + a));
        Console.WriteLine((a + b).Equals(a));

        Action many = null;
        int count = 0;
        Action tick = () => count++;
        for (int i = 0; i < 100; i++)
            many += tick;
        many();
        Console.WriteLine(count);
        for (int i = 0; i < 60; i++)
            many -= tick;
        many();
        Console.WriteLine(count);

        var publisher = new Publisher();
        int seen = 0;
        Action<int> add = v => seen += v;
        Action<int> show = v => Console.WriteLine("changed to " + v);
        publisher.Value = 1;
        publisher.Changed += add;
        publisher.Value = 10;
        publisher.Changed += show;
        publisher.Value = 100;
        publisher.Changed -= add;
        publisher.Value = 1000;
        publisher.Changed -= show;
        publisher.Value = 10000;
        Console.WriteLine(seen + " " + publisher.Value);
    }
}
